"""The JSON API as an OpenAPI 3.1 document: one table of operations, from which the routes are made too."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from registry.accounts.roles import SCOPES, Role
from registry.lifecycle.trials import TRIALS
from registry.tables import Part, RunState, Stage

Reason = Field(min_length=1, max_length=2_000, description="Why; kept in the audit log.")
MAX_IMPORTED = 20_000
_NUMBERS = ("number", "run", "text", "proposal", "item", "check")       # of the paths


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decision(Strict):
    """A decision on a version that is still in the stage that was seen."""

    seen: Stage = Field(description="The stage in which the version was seen; another one by now is a 409.")
    reason: str = Reason


class Approval(Decision):
    """The approval of the very bytes that were seen."""

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="Digest of the version that was looked at.")


class LabeledRow(Strict):
    text: str = Field(min_length=1, max_length=100_000)
    label: str = Field(min_length=1, max_length=200)


class LabelImport(Strict):
    part: Part
    origin: str = Field(min_length=1, max_length=500, description="Where the labels come from.")
    rows: list[LabeledRow] = Field(min_length=1, max_length=MAX_IMPORTED)


class LabelChange(Strict):
    was: str = Field(max_length=200, description="The label that was seen; another one by now is a 409.")
    label: str = Field(max_length=200)
    reason: str = Field("", max_length=2_000)


class Trial(Decision):
    """A trial beside the champion."""

    share: float | None = Field(None, gt=0, lt=1, description="Of the requests; only a canary has one.")


class ClassDecision(Strict):
    """A decision on a proposed class; `corrections` give texts of it another label, or none."""

    reason: str = Reason
    corrections: dict[str, str | None] = Field(default_factory=dict, max_length=1_000,
                                               description="A text of the proposal -> its label; null leaves it out.")


class Acceptance(ClassDecision):
    name: str = Field(min_length=1, max_length=200)


class Merging(ClassDecision):
    label: str = Field(min_length=1, max_length=200)


class Reasoned(Strict):
    reason: str = Reason


class Snoozing(Reasoned):
    until: AwareDatetime


class ReviewReply(Strict):
    label: str = Field(min_length=1, max_length=200)
    is_new_class: bool = Field(False, description="The task does not have this class yet.")


class NewPerson(Strict):
    name: str = Field(max_length=63, description="1 to 63 of a-z, 0-9 and . _ @ -")
    role: Role


class NewRole(Strict):
    role: Role


class NewWebhook(Strict):
    name: str = Field(max_length=63)
    url: str = Field(max_length=500, description="https, to a host that an operator allowed.")
    events: list[str] = Field(min_length=1, max_length=20)
    is_slack: bool = False


class PromptTrial(Strict):
    """A text to try a prompt on, with the labels and examples of a task."""

    task: str = Field(min_length=1, max_length=63)
    text: str = Field(min_length=1, max_length=2_000)
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="Of the prompt; the newest if none is given.")


class LineQuery(Strict):
    after: int = Field(0, ge=0, le=2**31 - 1, description="Only lines behind the one of this number.")


class Paged(Strict):
    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(50, ge=1, le=200)


class TaskQuery(Paged):
    q: str = Field("", max_length=200, description="Only tasks whose name or description holds this.")


class RunQuery(Paged):
    task: str | None = None
    state: RunState | None = None


class LabelQuery(Paged):
    q: str = Field("", max_length=200, description="Only texts that hold this.")
    label: str = Field("", max_length=200)
    part: Part | None = None


class AuditQuery(Strict):
    action: str = Field("", max_length=80)
    actor: str = Field("", max_length=200)
    subject: str = Field("", max_length=300)
    before: int | None = Field(None, ge=1, le=2**31 - 1, description="Only entries before this number.")
    per_page: int = Field(50, ge=1, le=200)


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, what it takes, the role it needs."""

    name: str                                         # of the function in reading, acting or administering.py
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
        return re.sub(rf"\{{({'|'.join(_NUMBERS)})\}}", r"{\1:number}", self.path)


_LIST = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}}}
_PERSON = "/people/{name}"
_PROPOSAL = "/tasks/{task}/proposals/{proposal}"
_VERSION = "/tasks/{task}/versions/{number}"
OPERATIONS = [
    Operation("me", "GET", "/me", "Say who the token acts for, and what it may do."),
    Operation("tasks", "GET", "/tasks", "List the tasks with their health.", query=TaskQuery, gives=_LIST),
    Operation("task", "GET", "/tasks/{task}", "Show one task with its label space."),
    Operation("versions", "GET", "/tasks/{task}/versions", "List the newest versions of a task.", gives=_LIST),
    Operation("version", "GET", _VERSION, "Show all that is known of a version, with its audit entries."),
    Operation("verification", "GET", f"{_VERSION}/verification", "Check the stored bytes of a version, all of them."),
    Operation("approve", "POST", f"{_VERSION}/approve", "Approve a version.", Role.APPROVER, body=Approval),
    Operation("request_changes", "POST", f"{_VERSION}/request-changes",
              "Say what has to change before a version is approved.", Role.APPROVER, body=Decision),
    Operation("request_approval", "POST", f"{_VERSION}/ask-again", "Ask for approval again after requested changes.",
              Role.LABELER, body=Decision),
    Operation("reject", "POST", f"{_VERSION}/reject", "Reject a version for good.", Role.APPROVER, body=Decision),
    Operation("promote", "POST", f"{_VERSION}/promote", "Make a version the champion.", Role.APPROVER, body=Decision),
    Operation("roll_back", "POST", f"{_VERSION}/rollback", "Return to a version that was champion before.",
              Role.APPROVER, body=Decision),
    Operation("start_trial", "POST", f"{_VERSION}/trials/{{trial}}", "Try a version as challenger or canary.",
              Role.APPROVER, body=Trial),
    Operation("end_trial", "POST", f"{_VERSION}/trials/{{trial}}/end", "End a trial.", Role.APPROVER, body=Reasoned),
    Operation("drift", "GET", "/tasks/{task}/drift", "List the newest looks for drift.", gives=_LIST),
    Operation("drift_check", "GET", "/tasks/{task}/drift/{check}", "Show one look for drift with all that it found."),
    Operation("discovery_map", "GET", "/tasks/{task}/map", "Show where the texts of the newest discovery lie."),
    Operation("request_discovery", "POST", "/tasks/{task}/discovery", "Ask the trainer to look for new classes.",
              Role.APPROVER, body=Reasoned),
    Operation("bank_growth", "GET", "/tasks/{task}/bank", "Count the texts of the bank by day.", gives=_LIST),
    Operation("proposals", "GET", "/tasks/{task}/proposals", "List the proposed classes.", gives=_LIST),
    Operation("accept_class", "POST", f"{_PROPOSAL}/accept", "Make a proposal a class.", Role.APPROVER,
              body=Acceptance),
    Operation("merge_class", "POST", f"{_PROPOSAL}/merge", "Give a proposal's texts to a class that exists.",
              Role.APPROVER, body=Merging),
    Operation("split_class", "POST", f"{_PROPOSAL}/split", "Replace a proposal by its parts.", Role.APPROVER,
              body=Reasoned),
    Operation("reject_class", "POST", f"{_PROPOSAL}/reject", "Say that a proposal is no class.", Role.APPROVER,
              body=Reasoned),
    Operation("snooze_class", "POST", f"{_PROPOSAL}/snooze", "Put a proposal away for a while.", Role.APPROVER,
              body=Snoozing),
    Operation("review", "GET", "/tasks/{task}/review", "Say how far the review queue is and how well people agree."),
    Operation("claim_review", "POST", "/tasks/{task}/review", "Take the next text of the review queue.",
              Role.LABELER),
    Operation("undo_review", "POST", "/tasks/{task}/review/undo", "Take the last answer back.", Role.LABELER),
    Operation("answer_review", "POST", "/tasks/{task}/review/{item}/answer", "Label a text of the review queue.",
              Role.LABELER, body=ReviewReply),
    Operation("skip_review", "POST", "/tasks/{task}/review/{item}/skip", "Leave a text to others.", Role.LABELER),
    Operation("curve", "GET", "/tasks/{task}/curve", "Show the data-performance curve measured last."),
    Operation("runs", "GET", "/runs", "List the newest runs.", query=RunQuery, gives=_LIST),
    Operation("run", "GET", "/runs/{run}", "Show one run."),
    Operation("run_lines", "GET", "/runs/{run}/lines", "List what a run logged, oldest first.", query=LineQuery,
              gives=_LIST),
    Operation("request_run", "POST", "/tasks/{task}/runs", "Ask the trainer for a run.", Role.APPROVER,
              body=Reasoned),
    Operation("labels", "GET", "/tasks/{task}/labels", "Search human labels.", query=LabelQuery, gives=_LIST),
    Operation("labeled_text", "GET", "/tasks/{task}/labels/{text}", "Show one labeled text with its history."),
    Operation("import_labels", "POST", "/tasks/{task}/labels", "Keep labeled texts, all or none.", Role.LABELER,
              body=LabelImport),
    Operation("change_label", "POST", "/tasks/{task}/labels/{text}", "Give a text another label.", Role.LABELER,
              body=LabelChange),
    Operation("remove_label", "POST", "/tasks/{task}/labels/{text}/remove", "Remove a labeled text.", Role.LABELER,
              body=Reasoned),
    Operation("prompts", "GET", "/prompts", "List the newest version of each prompt.", gives=_LIST),
    Operation("prompt", "GET", "/prompts/{name}", "Show the newest version of a prompt, and what was measured."),
    Operation("try_prompt", "POST", "/prompts/{name}/try", "Try a prompt on a text.", Role.LABELER, body=PromptTrial,
              is_slow=True),
    Operation("dead_letters", "GET", "/dead-letters", "List the newest messages that could not be read.",
              gives=_LIST),
    Operation("audit_entries", "GET", "/audit", "List audit entries, the newest first.", query=AuditQuery,
              gives=_LIST),
    Operation("audit_chain", "GET", "/audit/chain", "Verify the chain of the audit log."),
    Operation("people", "GET", "/people", "List the accounts.", Role.ADMIN, gives=_LIST),
    Operation("add_person", "POST", "/people", "Add an account; the answer has the link that sets its password, once.",
              Role.ADMIN, body=NewPerson),
    Operation("invite_person", "POST", f"{_PERSON}/link", "Make a new link that sets a password.", Role.ADMIN),
    Operation("change_role", "POST", f"{_PERSON}/role", "Give an account another role.", Role.ADMIN, body=NewRole),
    Operation("disable_person", "POST", f"{_PERSON}/disable", "Let an account in no more.", Role.ADMIN),
    Operation("enable_person", "POST", f"{_PERSON}/enable", "Let a disabled account in again.", Role.ADMIN),
    Operation("remove_person", "POST", f"{_PERSON}/remove", "Remove an account.", Role.ADMIN),
    Operation("webhooks", "GET", "/webhooks", "List the webhooks.", Role.ADMIN, gives=_LIST),
    Operation("add_webhook", "POST", "/webhooks", "Add a webhook; the answer has its secret, once.", Role.ADMIN,
              body=NewWebhook),
    Operation("remove_webhook", "POST", "/webhooks/{name}/remove", "Remove a webhook.", Role.ADMIN),
    Operation("deliveries", "GET", "/webhooks/deliveries", "List the newest deliveries.", Role.ADMIN, gives=_LIST),
]


def document() -> dict[str, Any]:
    """Return the document."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "HyperMatch", "version": "1", "description": "What the console does, for programs.",
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name, "summary": operation.says,
        "description": f"Needs the role {operation.role.value} and the scope `{SCOPES[operation.role]}`.",
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.query)],
        "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": operation.gives}}},
                      **_PROBLEMS},
    }
    if operation.body is not None:
        reference = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
        _add_schema(operation.body, schemas)
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    kinds: dict[str, dict[str, Any]] = dict.fromkeys(_NUMBERS, number)
    kinds["trial"] = {"type": "string", "enum": [name.value for name in TRIALS]}
    return [{"name": name, "in": "path", "required": True, "schema": kinds.get(name, {"type": "string"})}
            for name in re.findall(r"\{(\w+)\}", path)]


def _query_parameters(kind: type[BaseModel] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    kinds = schema.get("$defs", {})
    return [{"name": name, "in": "query", "required": False, "schema": _inlined(each, kinds)}
            for name, each in schema["properties"].items()]


def _inlined(schema: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """Return a query's schema without references and without null, which no query can say."""
    options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    chosen = options[0]
    return kinds[chosen["$ref"].rsplit("/", 1)[1]] if "$ref" in chosen else chosen


def _add_schema(kind: type[BaseModel], schemas: dict[str, Any]) -> None:
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[kind.__name__] = schema


_PROBLEM = {"type": "object", "required": ["status", "title"],
            "properties": {"type": {"type": "string"}, "status": {"type": "integer"}, "title": {"type": "string"},
                           "detail": {"type": "string"}}}
_PROBLEMS = {
    code: {"description": says, "content": {"application/problem+json": {
        "schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, says in {"400": "The request does not fit this document.", "401": "No token that is known and alive.",
                       "403": "This token may not.", "404": "There is no such thing.",
                       "409": "Somebody else decided meanwhile.", "411": "The length of the body is not stated.",
                       "413": "Too large.",
                       "422": "A rule of the registry forbids it.",
                       "503": "Something that this rests on, such as a language model, does not answer."}.items()}
