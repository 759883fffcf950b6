"""Fills prompt specs: labels as opaque codes in random order, every text between marks that it cannot contain."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.language_model.examples import Example
from trainer.language_model.prompts.safety import codes, shown
from trainer.language_model.prompts.spec import PromptSpec, filled

CONTENT_FREE = ("N/A", "", "...")                     # texts that say nothing of any label (arXiv 2102.09690)
MAX_OTHERS = 12                                       # labels named as what a text is not


@dataclass(frozen=True)
class LabelPrompt:
    """A prompt that asks for a label; `ids[c]` is the code of class c."""

    prompt: str
    ids: list[str]


@dataclass(frozen=True)
class WritePrompt:
    """A prompt that asks for a text, which ends before `</mark>`."""

    prompt: str
    mark: str


@dataclass(frozen=True)
class Task:
    """A label space as one prompt says it: `words[c]` stands for class c."""

    spec: PromptSpec
    words: list[str]
    max_chars: int

    @classmethod
    def of(cls, spec: PromptSpec, labels: Sequence[str], max_chars: int) -> "Task":
        return cls(spec, [shown(spec.word_of(label), max_chars) for label in labels], max_chars)

    def label_prompt(self, examples: Sequence[Example], text: str, seed: str) -> LabelPrompt:
        """Ask for the label of `text`; the codes, and the order of labels and examples, follow from `seed`."""
        asked = shown(text, self.max_chars)
        texts = [asked, *(shown(example.text, self.max_chars) for example in examples)]
        ids = codes(len(self.words), [asked], f"ids {seed}")
        values = self._values(self._mark(texts, seed))
        lines = [filled(self.spec.label_line, values | {"id": code, "label": word})
                 for code, word in zip(ids, self.words, strict=True)]
        random.Random(f"labels {seed}").shuffle(lines)
        parts = [filled(self.spec.opening, values), *lines, *self._examples(examples, values, seed, ids),
                 filled(self.spec.question, values | {"text": asked})]
        return LabelPrompt(_joined(parts), ids)

    def mix_prompt(self, examples: Sequence[Example], candidates: Sequence[int], seed: str) -> WritePrompt:
        """Ask for a text like the examples, whose label is one of `candidates`."""
        words = [self.words[number] for number in candidates]
        random.Random(f"labels {seed}").shuffle(words)
        mark = self._mark([example.text for example in examples], seed)
        values = self._values(mark) | {"labels": "; ".join(words)}
        return WritePrompt(_joined([filled(self.spec.opening, values), *self._examples(examples, values, seed),
                                    filled(self.spec.question, values)]), mark)

    def label_question(self, prompt: WritePrompt, text: str) -> str:
        """Ask for the label of the text that was written after a mix prompt; a word and a line break answer it."""
        return prompt.prompt + shown(text, self.max_chars) + filled(self.spec.answer, self._values(prompt.mark))

    def generate_prompt(self, number: int, examples: Sequence[Example], n: int, seed: str) -> WritePrompt:
        """Ask for `n` texts of class `number`, one per line."""
        others = [word for other, word in enumerate(self.words) if other != number]
        named = random.Random(f"others {seed}").sample(others, min(len(others), MAX_OTHERS))
        mark = self._mark([example.text for example in examples], seed)
        values = self._values(mark) | {"n": str(n), "label": self.words[number], "others": ", ".join(named)}
        return WritePrompt(_joined([filled(self.spec.opening, values), *self._examples(examples, values, seed),
                                    filled(self.spec.question, values)]), mark)

    def unlabeled_prompt(self, examples: Sequence[Example], seed: str) -> WritePrompt:
        """Ask for one more text like the examples."""
        mark = self._mark([example.text for example in examples], seed)
        values = self._values(mark)
        return WritePrompt(_joined([filled(self.spec.opening, values), *self._examples(examples, values, seed),
                                    filled(self.spec.question, values)]), mark)

    def rewrite_prompt(self, text: str, seed: str) -> WritePrompt:
        """Ask for `text` in other words or in another language, as the spec says."""
        asked = shown(text, self.max_chars)
        mark = self._mark([asked], seed)
        values = self._values(mark)
        return WritePrompt(_joined([filled(self.spec.opening, values),
                                    filled(self.spec.question, values | {"text": asked})]), mark)

    def _values(self, mark: str) -> dict[str, str]:
        return {"task_type": self.spec.task_type, "text_type": self.spec.text_type,
                "label_type": self.spec.label_type, "mark": mark}

    def _mark(self, texts: Sequence[str], seed: str) -> str:
        return f"text-{codes(1, texts, f'mark {seed}')[0]}"

    def _examples(self, examples: Sequence[Example], values: Mapping[str, str], seed: str,
                  ids: Sequence[str] | None = None) -> list[str]:
        ordered = list(examples)
        random.Random(f"examples {seed}").shuffle(ordered)
        if self.spec.order == "by label":
            ordered.sort(key=lambda example: example.number)
        return [filled(self.spec.example, {**values, "text": shown(example.text, self.max_chars),
                                           "label": self.words[example.number],
                                           "id": ids[example.number] if ids else ""})
                for example in ordered]


def _joined(parts: Sequence[str]) -> str:
    return "\n".join(part for part in parts if part).lstrip("\n")
