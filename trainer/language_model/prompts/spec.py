"""What a prompt consists of: its words, its examples and their order; read from TOML and checked."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from trainer.language_model.backend import LanguageModelError

USES = ("label", "mix", "generate", "unlabeled", "paraphrase", "translate")
SHOWS_TEXT = ("label", "paraphrase", "translate")    # uses whose question is about one text
ORDERS = ("random", "by label")
LANGUAGES = ("en", "ko")
PACKAGED = ("english.toml", "korean.toml")
PLACES = frozenset({"task_type", "text_type", "label_type", "mark", "text", "id", "label", "labels", "others", "n"})
PLACE = re.compile(r"\{(\w+)\}")
FENCED = "<{mark}>{text}</{mark}>"                    # the only place where a text of strangers may stand


class PromptError(LanguageModelError):
    """A prompt spec that cannot be used, or is not in the library."""


@dataclass(frozen=True)
class PromptSpec:
    """A prompt of one `use`: `label` a text, `mix` labeled examples into a new one, `generate` texts of a label,
    write more like `unlabeled` ones, `paraphrase` a text, or `translate` it into the prompt's language.

    It reads opening, labels, examples, question, with blank lines between; `answer` follows
    the text that a `mix` has written and asks for its label.
    """

    name: str
    use: str
    language: str
    opening: str
    question: str
    task_type: str = "text classification"
    text_type: str = "text"
    label_type: str = "label"
    label_line: str = ""
    example: str = ""
    answer: str = ""
    n_examples: int = 8
    order: str = "random"
    verbalizers: dict[str, str] = field(default_factory=dict)    # label -> how the prompt says it

    def __post_init__(self) -> None:
        self._check(bool(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", self.name)), "name",
                    "1 to 63 of a-z, 0-9 and -")
        self._check(self.use in USES, "use", ", ".join(USES))
        self._check(self.language in LANGUAGES, "language", ", ".join(LANGUAGES))
        self._check(self.order in ORDERS, "order", ", ".join(ORDERS))
        self._check(0 <= self.n_examples <= 200, "n_examples", "0 to 200")
        for part in ("opening", "label_line", "example", "question", "answer"):
            self._check_part(part)
        self._check(self.use not in SHOWS_TEXT or FENCED in self.question, "question", f"a template with {FENCED}")
        self._check(self.use != "mix" or bool(self.answer), "answer", "a template that asks for the label")

    def word_of(self, label: str) -> str:
        """Return how the prompt says a label; by default its name with spaces."""
        return self.verbalizers.get(label) or " ".join(re.split(r"[_\s]+", label)).strip() or label

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def _check_part(self, part: str) -> None:
        template = getattr(self, part)
        unknown = set(PLACE.findall(template)) - PLACES
        self._check(not unknown, part, f"a template of {', '.join(sorted(PLACES))}")
        self._check("{text}" not in template.replace(FENCED, ""), part, f"a template in which text stands as {FENCED}")

    def _check(self, is_good: bool, key: str, expected: str) -> None:
        if not is_good:
            raise PromptError(f"prompt {self.name!r}: {key} is {getattr(self, key)!r}", f"it must be {expected}")


def filled(template: str, values: Mapping[str, str]) -> str:
    """Fill a template in one pass: what stands in a value is never taken for a place."""
    return PLACE.sub(lambda found: values[found.group(1)], template)


def spec_of(values: Mapping[str, Any]) -> PromptSpec:
    """Build a spec from plain values; raises PromptError naming the key."""
    known = [each.name for each in fields(PromptSpec)]
    for key, value in values.items():
        if key not in known:
            raise PromptError(f"prompt {values.get('name')!r}: there is no key {key!r}", f"known: {', '.join(known)}")
        expected = {"n_examples": int, "verbalizers": dict}.get(key, str)
        if type(value) is not expected:
            raise PromptError(f"prompt {values.get('name')!r}: {key} is {value!r}", f"it must be {expected.__name__}")
    missing = {"name", "use", "language", "opening", "question"} - set(values)
    if missing:
        raise PromptError(f"prompt {values.get('name')!r} has no {sorted(missing)[0]}")
    return PromptSpec(**values)


def read_specs(content: str, where: str) -> list[PromptSpec]:
    """Read `[[prompt]]` tables of TOML."""
    try:
        tables = tomllib.loads(content).get("prompt", [])
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{where} is not TOML: {error}") from error
    if not isinstance(tables, list) or not tables:
        raise PromptError(f"{where} holds no prompt", "a prompt is a table [[prompt]]")
    return [spec_of(table) for table in tables]


def read_spec_file(file: Path) -> list[PromptSpec]:
    try:
        return read_specs(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{file} cannot be read: {error}") from error


def packaged_specs() -> list[PromptSpec]:
    """Return the prompts that HyperMatch comes with."""
    here = files("trainer.language_model.prompts")
    return [spec for name in PACKAGED for spec in read_specs((here / name).read_text(encoding="utf-8"), name)]
