"""The operations of the API, one table: its routes and its document are made from it."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from registry.accounts.roles import Role
from registry.console.api import payloads
from registry.console.api.answers import FLIP, PROMOTED

NUMBERS = ("number", "run", "text", "proposal", "item", "check")        # of the paths


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, what it takes, the role it needs."""

    name: str                                         # of the function beside this file
    method: Literal["GET", "POST"]
    path: str
    says: str
    role: Role = Role.VIEWER
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    gives: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    is_slow: bool = False                             # it makes its own transactions, so that nobody waits for it

    @property
    def path_for_routes(self) -> str:
        return re.sub(rf"\{{({'|'.join(NUMBERS)})\}}", r"{\1:number}", self.path)


_LIST = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}}}
_PERSON = "/people/{name}"
_PROPOSAL = "/tasks/{task}/proposals/{proposal}"
_VERSION = "/tasks/{task}/versions/{number}"
OPERATIONS = [
    Operation("me", "GET", "/me", "Say who the token acts for, and what it may do."),
    Operation("tasks", "GET", "/tasks", "List the tasks with their health.", query=payloads.TaskQuery, gives=_LIST),
    Operation("task", "GET", "/tasks/{task}", "Show one task with its label space."),
    Operation("versions", "GET", "/tasks/{task}/versions", "List the newest versions of a task.", gives=_LIST),
    Operation("version", "GET", _VERSION, "Show all that is known of a version, with its audit entries."),
    Operation("verification", "GET", f"{_VERSION}/verification", "Check the stored bytes of a version, all of them."),
    Operation("approve", "POST", f"{_VERSION}/approve", "Approve a version.", Role.APPROVER, body=payloads.Approval),
    Operation("request_changes", "POST", f"{_VERSION}/request-changes",
              "Say what has to change before a version is approved.", Role.APPROVER, body=payloads.Decision),
    Operation("request_approval", "POST", f"{_VERSION}/ask-again", "Ask for approval again after requested changes.",
              Role.LABELER, body=payloads.Decision),
    Operation("reject", "POST", f"{_VERSION}/reject", "Reject a version for good.", Role.APPROVER,
              body=payloads.Decision),
    Operation("promote", "POST", f"{_VERSION}/promote",
              "Make a version the champion, on each server as it has loaded it or on all together.", Role.APPROVER,
              body=payloads.Promotion, gives=PROMOTED),
    Operation("roll_back", "POST", f"{_VERSION}/rollback",
              "Return to a version that was champion before, on each server by itself or on all together.",
              Role.APPROVER, body=payloads.Promotion, gives=PROMOTED),
    Operation("give_up_flip", "POST", f"{_VERSION}/give-up", "Give a flip up while servers prepare it.", Role.APPROVER,
              body=payloads.Reasoned),
    Operation("flip", "GET", "/tasks/{task}/flip",
              "Show the newest flip, how far it is or how it ended; null if none tells of what serves.",
              gives=FLIP),
    Operation("start_trial", "POST", f"{_VERSION}/trials/{{trial}}", "Try a version as challenger or canary.",
              Role.APPROVER, body=payloads.Trial),
    Operation("end_trial", "POST", f"{_VERSION}/trials/{{trial}}/end", "End a trial.", Role.APPROVER,
              body=payloads.Reasoned),
    Operation("drift", "GET", "/tasks/{task}/drift", "List the newest looks for drift.", gives=_LIST),
    Operation("drift_check", "GET", "/tasks/{task}/drift/{check}", "Show one look for drift with all that it found."),
    Operation("discovery_map", "GET", "/tasks/{task}/map", "Show where the texts of the newest discovery lie."),
    Operation("request_discovery", "POST", "/tasks/{task}/discovery", "Ask the trainer to look for new classes.",
              Role.APPROVER, body=payloads.Reasoned),
    Operation("bank_growth", "GET", "/tasks/{task}/bank", "Count the texts of the bank by day.", gives=_LIST),
    Operation("proposals", "GET", "/tasks/{task}/proposals", "List the proposed classes.", gives=_LIST),
    Operation("accept_class", "POST", f"{_PROPOSAL}/accept", "Make a proposal a class.", Role.APPROVER,
              body=payloads.Acceptance),
    Operation("merge_class", "POST", f"{_PROPOSAL}/merge", "Give a proposal's texts to a class that exists.",
              Role.APPROVER, body=payloads.Merging),
    Operation("split_class", "POST", f"{_PROPOSAL}/split", "Replace a proposal by its parts.", Role.APPROVER,
              body=payloads.Reasoned),
    Operation("reject_class", "POST", f"{_PROPOSAL}/reject", "Say that a proposal is no class.", Role.APPROVER,
              body=payloads.Reasoned),
    Operation("snooze_class", "POST", f"{_PROPOSAL}/snooze", "Put a proposal away for a while.", Role.APPROVER,
              body=payloads.Snoozing),
    Operation("review", "GET", "/tasks/{task}/review", "Say how far the review queue is and how well people agree."),
    Operation("claim_review", "POST", "/tasks/{task}/review", "Take the next text of the review queue.",
              Role.LABELER),
    Operation("undo_review", "POST", "/tasks/{task}/review/undo", "Take the last answer back.", Role.LABELER),
    Operation("answer_review", "POST", "/tasks/{task}/review/{item}/answer", "Label a text of the review queue.",
              Role.LABELER, body=payloads.ReviewReply),
    Operation("skip_review", "POST", "/tasks/{task}/review/{item}/skip", "Leave a text to others.", Role.LABELER),
    Operation("curve", "GET", "/tasks/{task}/curve", "Show the data-performance curve measured last."),
    Operation("runs", "GET", "/runs", "List the newest runs.", query=payloads.RunQuery, gives=_LIST),
    Operation("run", "GET", "/runs/{run}", "Show one run."),
    Operation("run_lines", "GET", "/runs/{run}/lines", "List what a run logged, oldest first.",
              query=payloads.LineQuery, gives=_LIST),
    Operation("request_run", "POST", "/tasks/{task}/runs", "Ask the trainer for a run.", Role.APPROVER,
              body=payloads.Reasoned),
    Operation("labels", "GET", "/tasks/{task}/labels", "Search human labels.", query=payloads.LabelQuery, gives=_LIST),
    Operation("labeled_text", "GET", "/tasks/{task}/labels/{text}", "Show one labeled text with its history."),
    Operation("import_labels", "POST", "/tasks/{task}/labels", "Keep labeled texts, all or none.", Role.LABELER,
              body=payloads.LabelImport),
    Operation("change_label", "POST", "/tasks/{task}/labels/{text}", "Give a text another label.", Role.LABELER,
              body=payloads.LabelChange),
    Operation("remove_label", "POST", "/tasks/{task}/labels/{text}/remove", "Remove a labeled text.", Role.LABELER,
              body=payloads.Reasoned),
    Operation("prompts", "GET", "/prompts", "List the newest version of each prompt.", gives=_LIST),
    Operation("prompt", "GET", "/prompts/{name}", "Show the newest version of a prompt, and what was measured."),
    Operation("try_prompt", "POST", "/prompts/{name}/try", "Try a prompt on a text.", Role.LABELER,
              body=payloads.PromptTrial, is_slow=True),
    Operation("dead_letters", "GET", "/dead-letters", "List the newest messages that could not be read.",
              gives=_LIST),
    Operation("processes", "GET", "/processes", "List the processes that reported last.", gives=_LIST),
    Operation("settings", "GET", "/settings", "Show how registry and console are set; secrets stay hidden."),
    Operation("audit_entries", "GET", "/audit", "List audit entries, the newest first.", query=payloads.AuditQuery,
              gives=_LIST),
    Operation("audit_chain", "GET", "/audit/chain", "Verify the chain of the audit log."),
    Operation("people", "GET", "/people", "List the accounts.", Role.ADMIN, gives=_LIST),
    Operation("add_person", "POST", "/people", "Add an account; the answer has the link that sets its password, once.",
              Role.ADMIN, body=payloads.NewPerson),
    Operation("invite_person", "POST", f"{_PERSON}/link", "Make a new link that sets a password.", Role.ADMIN),
    Operation("change_role", "POST", f"{_PERSON}/role", "Give an account another role.", Role.ADMIN,
              body=payloads.NewRole),
    Operation("disable_person", "POST", f"{_PERSON}/disable", "Let an account in no more.", Role.ADMIN,
              body=payloads.Excused),
    Operation("enable_person", "POST", f"{_PERSON}/enable", "Let a disabled account in again.", Role.ADMIN,
              body=payloads.Excused),
    Operation("remove_person", "POST", f"{_PERSON}/remove", "Remove an account.", Role.ADMIN, body=payloads.Excused),
    Operation("webhooks", "GET", "/webhooks", "List the webhooks.", Role.ADMIN, gives=_LIST),
    Operation("add_webhook", "POST", "/webhooks", "Add a webhook; the answer has its secret, once.", Role.ADMIN,
              body=payloads.NewWebhook),
    Operation("remove_webhook", "POST", "/webhooks/{name}/remove", "Remove a webhook.", Role.ADMIN,
              body=payloads.Excused),
    Operation("deliveries", "GET", "/webhooks/deliveries", "List the newest deliveries.", Role.ADMIN, gives=_LIST),
]
