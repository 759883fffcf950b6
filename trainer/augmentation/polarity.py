"""What turns a text into its opposite: negations and antonyms, in English and Korean."""

import re

from trainer.augmentation.synonyms import Synonyms
from trainer.augmentation.words import words_of

NEGATION = re.compile("|".join((
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|barely|unable)\b",
    r"n['’]t\b|\b(?:do|does|did|ca|wo|is|was|are|have|has|could|would)nt\b",
    # 안 by itself or before a verb, but not in 안녕 or 안내; 못, but not in 연못; 아니, but not 아니면 (or) and "아니?"
    r"(?<!\w)안(?=\s|되|돼|됐|됩|된|될|하|해|했|한|할|가|갔|와|왔|오|온|좋|맞|나|난|들|보|봐|봤|먹|써|읽|받|예)",
    r"(?<!연)못|없|않|아니(?!라|면|[가-힣]{0,2}\?)|아닌(?!가)|아닙|모르|모를|몰라|몰랐",
    r"지\s?말(?=[아고자길기라지았])|말고|말아|지\s?마(?:세요|라|요)?(?!\w)",
)))
# Two sides that face each other, each a pattern of how its words begin (Korean stems) or read (English).
_ENGLISH = (
    ("good|great|best|nice|excellent|amazing", "bad|worst|awful|terrible|poor|horrible"),
    ("loved?|loves|liked?|likes|enjoy(?:ed|s)?", "hated?|hates|disliked?|dislikes"),
    ("happy|glad", "sad|unhappy|angry"), ("more|higher|increased?|raised?|up", "less|lower|decreased?|reduced?|down"),
    ("open(?:ed|ing)?|activated?|enabled?|start(?:ed)?|on",
     "closed?|closing|deactivated?|disabled?|cancel(?:led|ed)?|stop(?:ped)?|off"),
    ("add(?:ed)?", "removed?|deleted?"), ("fast|quick(?:ly)?", "slow(?:ly)?"), ("easy", "hard|difficult"),
    ("before", "after"), ("first", "last"), ("buy|bought", "sell|sold"), ("send|sent", "receive[ds]?"),
    ("right|correct", "wrong|incorrect"), ("always", "never"), ("hot", "cold"), ("accept(?:ed)?", "reject(?:ed)?"),
)
_KOREAN = (
    ("좋|최고|훌륭", "나쁘|나쁜|나빠|싫|최악|별로"), ("재미있|재밌|재밋", "재미없|노잼|지루"),
    ("늘리|늘려|올리|올려|증가|높", "줄이|줄여|내리|내려|감소|낮"), ("켜|켠|켤", "끄|꺼|끌"), ("열", "닫"),
    ("쉽|쉬운|쉬워", "어렵|어려"), ("빠르|빠른|빨리|빨라", "느리|느린|느려|천천히"), ("추가|등록", "삭제|취소|해지"),
    ("시작", "종료|중단"), ("더운|덥|더워", "추운|춥|추워"), ("많", "적은|적다|적어"), ("밝", "어둡|어두"),
    ("사랑", "미워|미움|증오"), ("찬성|동의", "반대"), ("성공", "실패"), ("사고|샀|구매|구입", "팔|판매"),
    ("먼저|전에", "나중|후에"),
)
ANTONYMS = tuple((re.compile(rf"\b(?:{one})\b"), re.compile(rf"\b(?:{other})\b")) for one, other in _ENGLISH) + tuple(
    (re.compile(rf"(?<!\w)(?:{one})"), re.compile(rf"(?<!\w)(?:{other})")) for one, other in _KOREAN)


def is_reversed(text: str, view: str, synonyms: Synonyms | None = None) -> bool:
    """Say whether a view has another number of negations than its text, or an antonym of one of its words.

    It errs to the safe side: many a rewording that it refuses is harmless.
    """
    old, new = text.casefold(), view.casefold()
    return (n_negations(old) != n_negations(new) or any(_faces(pair, old, new) for pair in ANTONYMS)
            or (synonyms is not None and _is_opposed(old, new, synonyms)))


def n_negations(text: str) -> int:
    return len(NEGATION.findall(text.casefold()))


def _faces(pair: tuple[re.Pattern[str], re.Pattern[str]], old: str, new: str) -> bool:
    """Say whether the view gains a word of one side where the text has the other."""
    for one, other in (pair, pair[::-1]):
        if one.search(old) and len(other.findall(new)) > len(other.findall(old)):
            return True
    return False


def _is_opposed(old: str, new: str, synonyms: Synonyms) -> bool:
    had = {word.core for word in words_of(old)}
    opposites = frozenset[str]().union(*(synonyms.opposites(word) for word in had)) - had
    return any(word.core in opposites for word in words_of(new))
