"""What requests to the API carry, bodies and queries; what does not fit is refused before anything is done."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from registry.accounts.roles import Role
from registry.tables import Part, RunState, Stage

Reason = Field(min_length=1, max_length=2_000, description="Why; kept in the audit log.")
MAX_IMPORTED = 20_000


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decision(Strict):
    """A decision on a version that is still in the stage that was seen."""

    seen: Stage = Field(description="The stage in which the version was seen; another one by now is a 409.")
    reason: str = Reason


class Approval(Decision):
    """The approval of the very bytes that were seen."""

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="Digest of the version that was looked at.")


class Promotion(Decision):
    """The decision that a version answers from now on, on each server by itself or on all together."""

    is_together: bool = Field(False, description="All servers prepare it, then change to it at one moment.")
    within_seconds: int = Field(300, ge=1, le=86_400, description="With `is_together`: time to prepare it.")


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


class Excused(Strict):
    """A body that may say why, and may be left out."""

    reason: str = Field("", max_length=2_000, description="Why; kept in the audit log.")


class NewRole(Excused):
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
