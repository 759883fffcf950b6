"""What other parts say in English is told in Korean: every refusal that a page can meet, and what the code says."""

import ast
import re
from pathlib import Path

import pytest

from registry.console.phrases import FOLDER, load_phrases, say
from registry.console.words import load_words

ROOT = Path(__file__).parents[3]
ERRORS = {"NotFound", "Refused", "NotAllowed", "IllegalMove", "Stale"}
ELSEWHERE = ("backup/", "artifacts/", "api/", "reviews/exchange.py", "reviews/outside.py", "telemetry/",
             "signing.py", "forgetting.py", "database.py")     # met by programs and commands, not by pages
VARYING = {"role": "viewer", ".value": "approved", "seen": "approved", "follow": "approved", "allowed": "approved",
           "who": "", "by": " by bo", "told": "is with somebody else"}
FRAMEWORK = ("Not Found", "Method Not Allowed")
WORDS, PHRASES = load_words()["ko"], load_phrases()["ko"]
HANGUL = re.compile("[가-힣]")
STALE = ("intents v2 is approved, no longer awaiting approval: bo decided at 2026-01-02 03:04 UTC, 'seen; enough: yes'",
         "intents v2: 더 이상 ‘승인 대기’ 상태가 아니라 ‘승인됨’ 상태입니다. bo 님이 "
         "2026-01-02 03:04 UTC에 결정했습니다: 'seen; enough: yes'")
REFUSED = ("v1 refused by the gate: gate labels: 3 gate labels, 30 are needed; calibrated: calibration error 0.123, "
           "0.100 is allowed",
           "v1 게이트에서 거부: 게이트 라벨: 게이트 라벨 3개, 30개 필요; 보정됨: 보정 오차 0.123, 0.100까지 허용")

AWAITED = ("time is over and server@a:1, server@b:2 and others did not prepare it; what served goes on",
           "시간이 다 되었고 준비하지 못한 서버가 있음: server@a:1, server@b:2 외; 응답하던 버전이 계속 응답함")
ENDED = ("no flip to intents v2 is under way: server@a:1 decided at 2026-01-02 03:04 UTC, 'all of 2 servers hold it'",
         "intents v2: 준비 중이 아닙니다. server@a:1 님이 "
         "2026-01-02 03:04 UTC에 결정했습니다: 'all of 2 servers hold it'")


def korean(text):
    return say(text, PHRASES, WORDS)


def shapes(node):
    """Return what a message looks like with its varying parts filled in; both of a choice between two."""
    if isinstance(node, ast.IfExp):
        return [*shapes(node.body), *shapes(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(each.value if isinstance(each, ast.Constant) else filled(each.value) for each in node.values)]
    return []


def filled(node):
    """Return what may stand in a place, told by what the code puts there; a number says nothing in any language."""
    code = ast.unparse(node)
    return next((value for name, value in VARYING.items() if code == name or (name in code and len(name) > 3)), "7")


def refusals():
    """Return every message, and every way out, of the errors that the registry's functions raise for pages."""
    found = set()
    for file in sorted((ROOT / "registry").rglob("*.py")):
        place = str(file.relative_to(ROOT / "registry"))
        if not any(each in place for each in ELSEWHERE):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                    found |= {shape for given in node.args for shape in shapes(given)}
    return sorted(found - {""})


def pieces_of_the_code():
    found = []
    for folder in ("registry", "trainer"):
        for file in (ROOT / folder).rglob("*.py"):
            found += [node.value for node in ast.walk(ast.parse(file.read_text()))
                      if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(found)


def test_every_refusal_that_a_page_can_meet_is_told_in_korean():
    assert len(refusals()) > 100
    assert [text for text in refusals() if not HANGUL.search(korean(text)) and not text.startswith("`hypermatch")] == []


def test_every_phrase_is_one_that_the_code_says():
    said = pieces_of_the_code()
    for english in re.findall(r'(?m)^"(.+?)" = ', (FOLDER / "ko-phrases.toml").read_text()):
        for piece in re.split(r"\{\w+\}|[:;] ", english):
            assert piece.strip(" :;,.()") in said or piece in FRAMEWORK, f"{english}: nobody says {piece!r}"


def test_every_phrase_fills_the_places_that_it_has():
    for phrase in PHRASES:
        assert set(re.findall(r"\{(\w+)\}", phrase.says)) <= set(phrase.pattern.groupindex), phrase.says


@pytest.mark.parametrize(("english", "told"), [STALE, REFUSED, AWAITED, ENDED])
def test_a_phrase_keeps_what_people_and_measurements_say(english, told):
    assert korean(english) == told


@pytest.mark.parametrize("text", ["", "what nobody foresaw", "{0} {evil} % : ; ,", "; " * 400, "x" * 5_000,
                                  ": ".join(["a is b, no longer"] * 60)])
def test_a_text_that_no_phrase_fits_stays_as_it_is(text):
    assert korean(text) == text
