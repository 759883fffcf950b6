"""The recipe of a model: every hyper-parameter, from TOML, checked, and stored with the run."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trainer.augmentation.recipe import AugmentationRecipe
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.drift.recipe import DriftRecipe
from trainer.errors import RecipeError
from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.pretraining.recipe import TransformerRecipe
from trainer.ranges import check

Precision = Literal["fp32", "int8", "fp16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
Use = Literal["auto", "always", "never"]
USES: tuple[str, ...] = get_args(Use)
SelectionMethod = Literal["retrieval", "classifier"]
SELECTION_METHODS: tuple[str, ...] = get_args(SelectionMethod)


@dataclass(frozen=True)
class SubwordRecipe:
    """How the `subword` encoder is pretrained on the texts at hand."""

    dimensions: int = 96                              # that say what a text holds; 192 are hardly better, and slower
    context_dimensions: int = 192                     # that say beside what its words stand
    contexts: str = ""                                # folder of a pretrained `subword` to take the latter from
    window: int = 2                                   # words to each side
    n_contexts: int = 6_000
    n_min: int = 1
    n_max: int = 4
    n_buckets: int = 65_536
    max_chars: int = 2_048                            # what is beyond is not read
    epochs: int = 0                                   # of contrast; as it is it did not help on 3i4K
    batch_rows: int = 256
    learning_rate: float = 0.002
    ngram_dropout: float = 0.3
    temperature: float = 0.1

    def __post_init__(self) -> None:
        check(8 <= self.dimensions <= 4_096, "subword.dimensions", self.dimensions, "8 to 4096")
        check(8 <= self.context_dimensions <= 4_096, "subword.context_dimensions", self.context_dimensions, "8 to 4096")
        check(1 <= self.window <= 100, "subword.window", self.window, "1 to 100")
        check(16 <= self.n_contexts <= 2**17, "subword.n_contexts", self.n_contexts, "16 to 131072")
        check(1 <= self.n_min <= self.n_max <= 8, "subword.n_max", self.n_max, "n_min to 8")
        check(256 <= self.n_buckets <= 2**22, "subword.n_buckets", self.n_buckets, "256 to 4194304")
        check(1 <= self.max_chars <= 8_192, "subword.max_chars", self.max_chars, "1 to 8192")
        check(0 <= self.epochs <= 100, "subword.epochs", self.epochs, "0 to 100")
        check(2 <= self.batch_rows <= 65_536, "subword.batch_rows", self.batch_rows, "2 to 65536")
        check(0 < self.learning_rate <= 1, "subword.learning_rate", self.learning_rate, "above 0, at most 1")
        check(0 <= self.ngram_dropout < 1, "subword.ngram_dropout", self.ngram_dropout, "0 to below 1")
        check(0 < self.temperature <= 10, "subword.temperature", self.temperature, "above 0, at most 10")


@dataclass(frozen=True)
class HeadRecipe:
    """How the linear head is fitted; `strengths` are the inverse L2 penalties that cross-validation chooses from."""

    strengths: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0, 256.0)
    unchosen_strength: float = 16.0                   # where a class has one label and nothing can be held out
    n_folds: int = 5
    champion_share: float = 0.0                       # of the champion's weights; it cuts negative flips

    def __post_init__(self) -> None:
        check(0 <= self.champion_share < 1, "head.champion_share", self.champion_share, "0 to below 1")
        check(len(self.strengths) > 0 and min(self.strengths) > 0, "head.strengths", self.strengths, "numbers above 0")
        check(self.unchosen_strength > 0, "head.unchosen_strength", self.unchosen_strength, "above 0")
        check(2 <= self.n_folds <= 20, "head.n_folds", self.n_folds, "2 to 20")


@dataclass(frozen=True)
class InDomainRecipe:
    """How the bank's texts teach; the numbers were found on BANKING77's train texts at 1 to 10 labels per class."""

    use: Use = "auto"                                 # auto: where held-out labels speak for it
    expected_wins: float = 4.0                        # before any label of the task is asked; on train texts of eight
    expected_losses: float = 2.0                      # sets it won 221 held-out labels and lost 89
    min_certainty: float = 0.5                        # that it is right more often than labels alone
    min_advice_certainty: float = 0.7                 # the same of views and advice, of which nothing is expected
    n_folds: int = 3
    n_neighbors: int = 10
    alpha: float = 0.95                               # share that a text takes from its neighbors
    n_steps: int = 40
    name_weight: float = 0.5                          # of a label's name, in labels
    name_temperature: float = 0.05
    prior_labels: float = 10.0                        # labels per class that trust estimated class shares half
    sharpness: float = 2.0
    confidence_power: float = 3.0
    label_share: float = 0.1                          # of all weight, that labels and their names have at least
    strength: float = 20_000.0
    n_iterations: int = 40
    refine: Use = "auto"                              # auto: up to `refine_classes` classes
    refine_classes: int = 15
    refine_surest: float = 0.3                        # of each class's guesses, that are taken for labels
    refine_steps: int = 300

    def __post_init__(self) -> None:
        check(self.use in USES, "in_domain.use", self.use, " or ".join(USES))
        check(2 <= self.n_folds <= 20, "in_domain.n_folds", self.n_folds, "2 to 20")
        check(2 <= self.n_neighbors <= 1_000, "in_domain.n_neighbors", self.n_neighbors, "2 to 1000")
        check(0 < self.alpha < 1, "in_domain.alpha", self.alpha, "above 0, below 1")
        check(1 <= self.n_steps <= 1_000, "in_domain.n_steps", self.n_steps, "1 to 1000")
        check(1 <= self.n_iterations <= 1_000, "in_domain.n_iterations", self.n_iterations, "1 to 1000")
        check(self.refine in USES, "in_domain.refine", self.refine, " or ".join(USES))
        check(self.refine_classes >= 2, "in_domain.refine_classes", self.refine_classes, "2 or more")
        check(1 <= self.refine_steps <= 100_000, "in_domain.refine_steps", self.refine_steps, "1 to 100000")
        for name in ("min_certainty", "min_advice_certainty", "label_share", "refine_surest"):
            check(0 <= getattr(self, name) <= 1, f"in_domain.{name}", getattr(self, name), "0 to 1")
        for name in ("name_weight", "confidence_power", "prior_labels"):
            check(getattr(self, name) >= 0, f"in_domain.{name}", getattr(self, name), "0 or more")
        for name in ("name_temperature", "sharpness", "strength", "expected_wins", "expected_losses"):
            check(getattr(self, name) > 0, f"in_domain.{name}", getattr(self, name), "above 0")

    def refines(self, n_classes: int) -> bool:
        """Say whether consistency training refines what graph and head taught."""
        return self.refine == "always" or (self.refine == "auto" and n_classes <= self.refine_classes)


@dataclass(frozen=True)
class OutOfDomainRecipe:
    """Which texts of the rest of the bank stand in while the task has hardly any traffic of its own."""

    use: Use = "auto"                                 # auto: below `enough` own texts; always; never
    enough: int = 500                                 # texts of its own that a task learns from alone
    max_pool: int = 20_000                            # newest foreign texts looked at
    min_texts: int = 100                              # fewer that are near enough are none
    max_texts: int = 5_000                            # selected of them
    method: SelectionMethod = "retrieval"
    n_neighbors: int = 3
    far_share: float = 0.1                            # of the task's own labels, that are further from one another
    strength: float = 16.0
    label_share: float = 0.5                          # of all weight, that labels and their names have at least
    min_certainty: float = 0.7                        # that they help; nothing is expected of them beforehand

    def __post_init__(self) -> None:
        check(self.use in USES, "out_of_domain.use", self.use, " or ".join(USES))
        check(self.method in SELECTION_METHODS, "out_of_domain.method", self.method, " or ".join(SELECTION_METHODS))
        for name in ("enough", "max_pool", "min_texts", "max_texts", "n_neighbors"):
            check(getattr(self, name) >= 1, f"out_of_domain.{name}", getattr(self, name), "1 or more")
        for name in ("far_share", "label_share", "min_certainty"):
            check(0 <= getattr(self, name) <= 1, f"out_of_domain.{name}", getattr(self, name), "0 to 1")
        check(self.strength > 0, "out_of_domain.strength", self.strength, "above 0")

    def is_wanted(self, n_own: int) -> bool:
        """Say whether a task with this many texts of its own takes in others."""
        return self.use == "always" or (self.use == "auto" and n_own < self.enough)

    def taught_with(self, recipe: InDomainRecipe) -> InDomainRecipe:
        """Return how a bank teaches of which selected foreign texts are a part: people count for more, and decide."""
        return replace(recipe, label_share=max(recipe.label_share, self.label_share), expected_wins=1.0,
                       expected_losses=1.0, min_certainty=max(recipe.min_certainty, self.min_certainty))


@dataclass(frozen=True)
class ExportRecipe:
    """How the model is written for serving."""

    precision: Precision = "fp32"
    n_golden: int = 24

    def __post_init__(self) -> None:
        check(self.precision in PRECISIONS, "export.precision", self.precision, " or ".join(PRECISIONS))
        check(1 <= self.n_golden <= 1_000, "export.n_golden", self.n_golden, "1 to 1000")


@dataclass(frozen=True)
class GateRecipe:
    """What a candidate must show on the gate set before a person is asked."""

    min_labels: int = 20                              # below it no interval says anything
    majority_margin: float = 0.05                     # a first version beats always naming the commonest class by this
    margin: float = 0.02                              # accuracy that a candidate may lose against the champion
    max_ece: float = 0.15
    min_recall: float = 0.2
    min_class_labels: int = 10                        # gate labels of a class before its recall is judged
    class_margin: float = 0.1                         # recall that a class of the champion's may surely lose
    max_negative_flips: float = 0.15                  # of the champion's right answers, that may surely turn wrong
    max_slowdown: float = 3.0                         # times the champion's median latency
    max_growth: float = 4.0                           # times the champion's bytes
    confidence: float = 0.95
    n_resamples: int = 2_000

    def __post_init__(self) -> None:
        for name in ("majority_margin", "margin", "max_ece", "min_recall", "class_margin", "max_negative_flips"):
            check(0 <= getattr(self, name) <= 1, f"gate.{name}", getattr(self, name), "0 to 1")
        for name in ("min_labels", "min_class_labels"):
            check(getattr(self, name) >= 1, f"gate.{name}", getattr(self, name), "1 or more")
        for name in ("max_slowdown", "max_growth"):
            check(getattr(self, name) >= 1, f"gate.{name}", getattr(self, name), "1 or more")
        check(0.5 < self.confidence < 1, "gate.confidence", self.confidence, "above 0.5, below 1")
        check(100 <= self.n_resamples <= 100_000, "gate.n_resamples", self.n_resamples, "100 to 100000")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned; never read from the environment."""

    encoder: str = "minilm"
    max_tokens: int = 128                             # what MiniLM was trained with; longer texts are cut
    max_traffic: int = 20_000                         # newest bank texts used; 0 leaves the traffic out
    seed: int = 20261123
    subword: SubwordRecipe = field(default_factory=SubwordRecipe)
    transformer: TransformerRecipe = field(default_factory=TransformerRecipe)
    head: HeadRecipe = field(default_factory=HeadRecipe)
    in_domain: InDomainRecipe = field(default_factory=InDomainRecipe)
    out_of_domain: OutOfDomainRecipe = field(default_factory=OutOfDomainRecipe)
    fine_tuning: FineTuningRecipe = field(default_factory=FineTuningRecipe)
    language_model: LanguageModelRecipe = field(default_factory=LanguageModelRecipe)
    augmentation: AugmentationRecipe = field(default_factory=AugmentationRecipe)
    novelty: NoveltyRecipe = field(default_factory=NoveltyRecipe)
    discovery: DiscoveryRecipe = field(default_factory=DiscoveryRecipe)
    export: ExportRecipe = field(default_factory=ExportRecipe)
    gate: GateRecipe = field(default_factory=GateRecipe)
    drift: DriftRecipe = field(default_factory=DriftRecipe)

    def __post_init__(self) -> None:
        kind, _, place = self.encoder.partition(":")
        is_known = self.encoder in ("minilm", "subword") or (kind in ("subword", "hf") and place != "")
        check(is_known, "encoder", self.encoder, "minilm, subword, subword:<folder> or hf:<path or name>")
        for name, use in (("fine_tuning.use", self.fine_tuning.use), ("discovery.tune", self.discovery.tune)):
            check(kind != "subword" or use != "always", name, use,
                  "auto or never with the subword encoder: only a transformer has layers to tune")
        check(8 <= self.max_tokens <= 8_192, "max_tokens", self.max_tokens, "8 to 8192")
        check(self.max_traffic >= 0, "max_traffic", self.max_traffic, "0 or more")
        check(0 <= self.seed < 2**32, "seed", self.seed, "0 to 4294967295")

    @property
    def uses_traffic(self) -> bool:
        """Say whether texts of the bank change what is learned."""
        return self.max_traffic > 0 and (self.encoder == "subword" or self.in_domain.use != "never")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_recipe(file: Path) -> Recipe:
    """Read a recipe; raises RecipeError naming the key."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"recipe {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {file} is not TOML: {error}") from error
    return recipe_of(values)


def recipe_for(task: str, folder: Path) -> Recipe:
    """Return the task's own recipe, `<task>.toml` in `folder`, or the defaults."""
    file = folder / f"{task}.toml"
    return read_recipe(file) if file.exists() else Recipe()


def recipe_of(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe from plain values such as TOML or a run's stored recipe."""
    recipe = _filled(Recipe, values, "")
    assert isinstance(recipe, Recipe)
    return recipe


def _filled(kind: type, values: Mapping[str, Any], path: str) -> Any:
    types = get_type_hints(kind)
    known = [each.name for each in fields(kind)]
    for key in values:
        if key not in known:
            raise _unknown(f"{path}{key}", key, known)
    return kind(**{key: _value(types[key], value, f"{path}{key}") for key, value in values.items()})


def _value(kind: Any, value: Any, path: str) -> Any:
    if is_dataclass(kind):
        check(isinstance(value, Mapping), path, value, f"a table, [{path}]")
        return _filled(kind, value, f"{path}.")  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        check(isinstance(value, list | tuple), path, value, "a list")
        return tuple(_value(get_args(kind)[0], each, path) for each in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if get_origin(kind) is Literal:
        return value                                  # the recipe's own check names the choices
    check(type(value) is kind, path, value, {int: "a whole number", float: "a number", str: "text"}.get(kind, ""))
    return value


def _unknown(path: str, key: str, known: list[str]) -> RecipeError:
    near = difflib.get_close_matches(key, known, n=1)
    return RecipeError(f"recipe: there is no key {path!r}",
                       f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(known)}")
