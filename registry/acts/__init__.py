"""What people may do: each act asks for a role, says so if it was done already, and calls the rule it is about."""

from registry.acts.administering import (
    add_person,
    add_webhook,
    change_role,
    invite_person,
    remove_person,
    remove_webhook,
)
from registry.acts.deciding import (
    approve,
    last_decision,
    promote,
    reject,
    request_run,
    roll_back,
)
from registry.acts.teaching import (
    accept_class,
    answer_review,
    change_label,
    claim_review,
    import_labels,
    merge_class,
    reject_class,
    remove_label,
    skip_review,
    snooze_class,
    split_class,
    undo_review,
)

__all__ = [
    "accept_class",
    "add_person",
    "add_webhook",
    "answer_review",
    "approve",
    "change_label",
    "change_role",
    "claim_review",
    "import_labels",
    "invite_person",
    "last_decision",
    "merge_class",
    "promote",
    "reject",
    "reject_class",
    "remove_label",
    "remove_person",
    "remove_webhook",
    "request_run",
    "roll_back",
    "skip_review",
    "snooze_class",
    "split_class",
    "undo_review",
]
