"""Label names as sentences: what a text of the class might be told to be about."""

import re
from collections.abc import Sequence

from trainer.augmentation.views import Report, distinct, silent

ENGLISH = ("this is about {name}", "a question about {name}", "{name}, please", "I want to talk about {name}")
KOREAN = ("{name}에 대한 글", "이것은 {name}에 관한 내용입니다", "{name} 관련 문의", "{name} 이야기")
_HANGUL = re.compile(r"[가-힣]")


class Templates:
    """Says a label's name in the sentences of its language; nothing is random."""

    name = "templates"

    def views(self, texts: Sequence[str], n: int, seed: int, report: Report = silent) -> list[list[str]]:
        """Return up to `n` sentences for each name in `texts`."""
        return [distinct([template.format(name=text) for template in templates_for(text)], text, n) for text in texts]


def templates_for(name: str) -> tuple[str, ...]:
    return KOREAN if is_korean(name) else ENGLISH


def is_korean(text: str) -> bool:
    return bool(_HANGUL.search(text))
