"""Views that a language model writes: paraphrases, and translations into another language and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from trainer.augmentation.views import Report, distinct, silent
from trainer.language_model.answers import side_by_side
from trainer.language_model.at_hand import LanguageModel
from trainer.language_model.backend import Backend
from trainer.language_model.prompts.render import Task
from trainer.language_model.prompts.safety import written_line
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.recipe import LanguageModelRecipe


@dataclass(frozen=True)
class Rewriter:
    """Sends a text through prompts, one after the other; each call is recorded and budgeted like any other.

    A call that the budget refuses, or an answer without a text, makes no view.
    """

    name: str
    backend: Backend
    prompts: tuple[PromptSpec, ...]
    recipe: LanguageModelRecipe

    def views(self, texts: Sequence[str], n: int, seed: int, report: Report = silent) -> list[list[str]]:
        calls: list[Callable[[], str]] = [partial(self._rewritten, text, seed + number)
                                          for text in texts for number in range(n)]
        said = side_by_side(calls, self.backend, report)
        return [distinct([view or "" for view in said[row * n : (row + 1) * n]], text, n)
                for row, text in enumerate(texts)]

    def _rewritten(self, text: str, seed: int) -> str:
        for spec in self.prompts:
            prompt = Task.of(spec, [""], self.recipe.max_chars).rewrite_prompt(text, str(seed))
            said = self.backend.complete(prompt.prompt, max_tokens=self.recipe.max_tokens,
                                         temperature=self.recipe.temperature, stop=(f"</{prompt.mark}>", "\n\n"),
                                         seed=seed)
            text = written_line(said.text, prompt.mark)
            if not text:
                return ""
        return text


def paraphraser(model: LanguageModel, recipe: LanguageModelRecipe) -> Rewriter:
    return Rewriter("paraphrase", model.backend, (model.prompts.paraphrase,), recipe)


def back_translator(model: LanguageModel, recipe: LanguageModelRecipe) -> Rewriter:
    return Rewriter("back-translation", model.backend, model.prompts.translate, recipe)
