"""The prompts of a run: the language's own, replaced by those that a recipe names."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.language_model.prompts.spec import LANGUAGES, PromptError, PromptSpec


@dataclass(frozen=True)
class Prompts:
    """One prompt for each use, two for labeling, and two to translate: into another language, and back."""

    label: tuple[PromptSpec, PromptSpec]
    mix: PromptSpec
    generate: PromptSpec
    unlabeled: PromptSpec
    paraphrase: PromptSpec
    translate: tuple[PromptSpec, PromptSpec]

    @property
    def names(self) -> list[str]:
        return [spec.name for spec in (*self.label, self.mix, self.generate, self.unlabeled, self.paraphrase,
                                       *self.translate)]


def prompts_for(specs: Sequence[PromptSpec], language: str, names: Sequence[str] = ()) -> Prompts:
    """Choose from `specs`, best first: those named, then those of the language, in the order given.

    A text is translated into the next of LANGUAGES and back.
    """
    chosen = [named(specs, name) for name in names]
    ranked = chosen + [spec for spec in specs if spec.language == language]
    first, second, *_ = [*_of(ranked, "label", language, 2)]
    mix, generate, unlabeled, paraphrase = (_of(ranked, use, language, 1)[0]
                                            for use in ("mix", "generate", "unlabeled", "paraphrase"))
    other = LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]
    there, back = (_of([spec for spec in [*chosen, *specs] if spec.language == into], "translate", into, 1)[0]
                   for into in (other, language))
    return Prompts((first, second), mix, generate, unlabeled, paraphrase, (there, back))


def named(specs: Sequence[PromptSpec], name: str) -> PromptSpec:
    """Return the spec of a name; raises PromptError naming those that exist."""
    found = next((spec for spec in specs if spec.name == name), None)
    if found is None:
        raise PromptError(f"there is no prompt {name!r}", f"known prompts: {', '.join(spec.name for spec in specs)}")
    return found


def _of(ranked: Sequence[PromptSpec], use: str, language: str, n: int) -> list[PromptSpec]:
    found = list({spec.name: spec for spec in ranked if spec.use == use}.values())
    if len(found) < n:
        raise PromptError(f"there are {len(found)} prompts of use {use!r} in language {language!r}, {n} are needed",
                          "add one: `hypermatch prompts add FILE`")
    return found[:n]
