"""The queue as Argilla records: `fields`, `suggestions` and `responses`, as `dataset.records.to_json` writes them."""

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from registry.reviews.exchange import Answered, Exchanged, part, rows_of

FIELD, QUESTION = "text", "label"


def write(items: Sequence[Exchanged]) -> list[dict[str, Any]]:
    return [{"id": str(each.item_id), "fields": {FIELD: each.text},
             "metadata": {"chosen": each.chosen, "why": each.why, "worth": each.worth},
             "suggestions": {} if each.guess is None else {
                 QUESTION: {"value": each.guess, "score": each.confidence, "agent": f"v{each.version_number}"}},
             "responses": _responses(each.answers), "vectors": {}} for each in items]


def read(document: Any, known: Sequence[str]) -> list[Exchanged]:
    """Read records; users that are numbers of `known` people keep those people's names. Argilla tells no skips."""
    names = {user_id(name): name for name in known}
    found = []
    for number, row in enumerate(rows_of(document), start=1):
        text = part(row, number, "fields", FIELD, kind=str)
        item, responses = row.get("id"), part(row, number, "responses") if row.get("responses") else {}
        given = part(responses, number, QUESTION, kind=list) if QUESTION in responses else []
        answers = [Answered(_person(response, names), part(response, number, "value", kind=str)) for response in given]
        found.append(Exchanged(int(item) if isinstance(item, str) and item.isdecimal() else None, text,
                               answers=answers))
    return found


def user_id(actor: str) -> str:
    """Return the UUID that stands for a person, which Argilla wants instead of a name."""
    return str(uuid5(NAMESPACE_URL, f"hypermatch:{actor}"))


def _responses(answers: Sequence[Answered]) -> dict[str, Any]:
    labeled = [each for each in answers if each.label is not None]
    responses = [{"value": each.label, "user_id": user_id(each.actor or "")} for each in labeled]
    return {QUESTION: responses} if responses else {}


def _person(response: dict[str, Any], names: dict[str, str]) -> str | None:
    user = response.get("user_id")
    return None if not user or user == "None" else names.get(str(user), f"argilla:{user}")
