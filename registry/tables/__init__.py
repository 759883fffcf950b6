"""The tables of the registry, on SQLite and PostgreSQL alike; a folder of its own holds what only it uses."""

from registry.tables.audit import AuditEntry
from registry.tables.columns import UtcDateTime
from registry.tables.findings import ClassProposal, DriftCheck, ProposalState
from registry.tables.models import Alias, AliasName, BundleSignature, ModelVersion, Run, RunKind, RunState, Stage
from registry.tables.processes import Heartbeat, Lease
from registry.tables.prompts import Prompt, PromptQuality
from registry.tables.reviews import AnswerState, ReviewAnswer, ReviewItem, ReviewState
from registry.tables.tasks import LabeledText, LabelSpace, Part, Task

__all__ = ["Alias", "AliasName", "AnswerState", "AuditEntry", "BundleSignature", "ClassProposal", "DriftCheck",
           "Heartbeat", "LabelSpace", "LabeledText", "Lease", "ModelVersion", "Part", "Prompt", "PromptQuality",
           "ProposalState", "ReviewAnswer", "ReviewItem", "ReviewState", "Run", "RunKind", "RunState", "Stage",
           "Task", "UtcDateTime"]
