"""The review queue: texts worth a person's minute, claimed, labeled, agreed on, taken out and brought back."""

from registry.reviews.agreement import Agreement, Progress, agreement, progress
from registry.reviews.answers import answer, skip, suggested_classes, undo
from registry.reviews.items import (
    Wanted,
    answers_of,
    claim_next,
    get_item,
    held_item,
    list_items,
    queue_texts,
    release,
)
from registry.reviews.outside import BroughtBack, bring_back, take_out

__all__ = ["Agreement", "BroughtBack", "Progress", "Wanted", "agreement", "answer", "answers_of", "bring_back",
           "claim_next", "get_item", "held_item", "list_items", "progress", "queue_texts", "release", "skip",
           "suggested_classes", "take_out", "undo"]
