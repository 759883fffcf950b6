"""The queue as Label Studio tasks: `data`, `predictions` and `annotations` with one choice each."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from registry.reviews.exchange import Answered, Exchanged, part, rows_of

CONTROL, OBJECT = "label", "text"                     # names of the tags in the labeling configuration


def labeling_config(labels: Sequence[str]) -> str:
    """Return the XML to paste into a project's labeling interface."""
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return (f'<View>\n  <Text name="{OBJECT}" value="${OBJECT}"/>\n'
            f'  <Choices name="{CONTROL}" toName="{OBJECT}" choice="single" showInLine="true">\n{choices}\n'
            "  </Choices>\n</View>\n")


def write(items: Sequence[Exchanged]) -> list[dict[str, Any]]:
    return [{"data": {OBJECT: each.text, "item": each.item_id, "chosen": each.chosen, "why": each.why},
             "meta": {"worth": each.worth},
             "predictions": [] if each.guess is None else [{
                 "model_version": f"v{each.version_number}", "score": each.confidence,
                 "result": [_choice(each.guess)]}],
             "annotations": [_annotation(given) for given in each.answers]} for each in items]


def read(document: Any, known: Sequence[str]) -> list[Exchanged]:
    """Read an export (format "JSON"); whoever is `known` by e-mail address or name keeps that name."""
    found = []
    for number, row in enumerate(rows_of(document), start=1):
        text = part(row, number, "data", OBJECT, kind=str)
        item = row["data"].get("item")
        annotations = part(row, number, "annotations", kind=list) if "annotations" in row else []
        answers = [_answered(annotation, number, known) for annotation in annotations]
        found.append(Exchanged(item if isinstance(item, int) else None, text, answers=answers))
    return found


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": [label]}}


def _annotation(given: Answered) -> dict[str, Any]:
    """Name the person by e-mail, the only name that Label Studio takes from an import."""
    return {"completed_by": {"email": given.actor}, "was_cancelled": given.label is None, "ground_truth": False,
            "result": [] if given.label is None else [_choice(given.label)]}


def _answered(annotation: Any, number: int, known: Sequence[str]) -> Answered:
    results = part(annotation, number, "result", kind=list)
    own = [result for result in results if isinstance(result, dict) and result.get("from_name") == CONTROL]
    is_skipped = bool(annotation.get("was_cancelled")) or not own
    label = None if is_skipped else part(own[0], number, "value", "choices", 0, kind=str)
    return Answered(_person(annotation.get("completed_by"), known), label)


def _person(told: Any, known: Sequence[str]) -> str | None:
    """Return a name for `completed_by`, which is a number, or in later exports an object with an e-mail address."""
    if isinstance(told, dict):
        told = told.get("email") or told.get("id")
    if told is None:
        return None
    return told if told in known or isinstance(told, str) else f"label-studio:{told}"
