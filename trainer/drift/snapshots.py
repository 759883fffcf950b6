"""Keeps each look as Evidently shows it: a snapshot in a workspace for its own UI, and the same page as HTML."""

import gc
import os
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")            # Evidently would report its use to its makers

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, MulticlassClassification, Report
from evidently.descriptors import NonLetterCharacterPercentage, SentenceCount, TextLength, WordCount
from evidently.presets import ClassificationQuality, DataDriftPreset, TextEvals
from evidently.sdk.models import PanelMetric
from evidently.sdk.panels import line_plot_panel
from evidently.ui.storage.local.base import LocalState
from evidently.ui.workspace import Project, Workspace

from trainer.drift.observed import Observed
from trainer.drift.tick import Look
from trainer.evaluation import Answers
from trainer.files import write_whole

MAX_TEXTS = 2_000                                     # of the reference: its page needs no more
MIN_BAGS = 1_000                                      # below them Evidently draws 1,000 bootstraps per text column
MAX_LABELS = 200                                      # beyond them a table per label is not read
MAX_PAGES = 20                                        # per task; a page has 4 MB of scripts, to be read without a net
MAX_SNAPSHOTS = 200                                   # per task
COLUMNS = ["label", "confidence", "novelty", "source", "characters", "words", "sentences", "non_letters_percent"]
PAGES = "pages"


@dataclass(frozen=True)
class Kept:
    """Where a look went: the project in the workspace, and the page."""

    project: str
    page: Path


class Snapshots(Workspace):
    """Evidently's workspace without its data sets, which we keep none of: to offer them it reads every snapshot.

    That took 0.13 s of each look for each snapshot of any task.
    """

    def __init__(self, folder: Path) -> None:
        self.path = str(folder)
        self.state = LocalState(self.path)


def keep_snapshot(folder: Path, task: str, check_id: int, found: Look, now: datetime) -> Kept:
    """Add a look to the workspace under `folder`; Evidently's tests show, and never decide.

    The pages are `pages/TASK/CHECK.html` and, where labels exist, `CHECK-labels.html`.
    """
    workspace = Snapshots(folder)
    project = project_of(workspace, task)
    tags = ["alarm"] if found.report.is_alarm else []
    for name, (report, window, reference) in _reports(found).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            snapshot = report.run(window, reference, timestamp=now, tags=tags, metadata={
                "version": f"v{found.version.number}", "check": str(check_id)},
                name=f"check {check_id}{name}: {found.report.reason}")
            workspace.add_run(project.id, snapshot)
            write_whole(folder / PAGES / task / f"{check_id}{name}.html",
                        snapshot.get_html_str(as_iframe=False).encode())
    _clear(folder, task, project, workspace)
    gc.collect()                                      # 300,000 objects in cycles, and 8 MB of arrays that they hold
    return Kept(str(project.id), folder / PAGES / task / f"{check_id}.html")


def _clear(folder: Path, task: str, project: Project, workspace: Workspace) -> None:
    """Delete what is older than the newest pages and snapshots."""
    pages = sorted((folder / PAGES / task).glob("*.html"), key=lambda page: page.stat().st_mtime, reverse=True)
    for page in pages[MAX_PAGES:]:
        page.unlink(missing_ok=True)
    for snapshot in sorted(workspace.list_runs(project.id), key=str, reverse=True)[MAX_SNAPSHOTS:]:
        workspace.delete_run(project.id, snapshot)    # their names begin with the time


def clear_all(folder: Path, task: str) -> None:
    """Delete every page and snapshot of a task."""
    for page in (folder / PAGES / task).glob("*.html"):
        page.unlink(missing_ok=True)
    workspace = Snapshots(folder)
    project = project_of(workspace, task)
    for snapshot in workspace.list_runs(project.id):
        workspace.delete_run(project.id, snapshot)


def page_of(folder: Path, task: str, check_id: int) -> Path | None:
    """Return the page of a check, None if none was kept."""
    page = folder / PAGES / task / f"{check_id}.html"
    return page if page.exists() else None


def project_of(workspace: Workspace, task: str) -> Project:
    """Return the task's project, which is made with its panels if there is none."""
    found = [project for project in workspace.search_project(task) if project.name == task]
    if found:
        return found[0]
    project = workspace.create_project(task, description=f"Windows of {task} against what its champion knows. "
                                       "HyperMatch's own tests decide; these show.")
    for title, metric, shown in (("share of drifted columns", "DriftedColumnsCount", {"value_type": "share"}),
                                 ("accuracy where labels exist", "Accuracy", {})):
        value = PanelMetric(metric=metric, legend=title, metric_labels=shown)
        project.dashboard.add_panel(line_plot_panel(title=title, values=[value]), tab="drift")
    return project


def _reports(found: Look) -> dict[str, tuple[Report, Dataset, Dataset | None]]:
    """Return what is run on which window and reference, by the suffix of its page."""
    step = max(1, len(found.reference) // MAX_TEXTS)
    reference = found.reference.take(np.arange(0, len(found.reference), step))
    columns = [*COLUMNS, *(["text"] if len(reference) >= MIN_BAGS else [])]
    reports: dict[str, tuple[Report, Dataset, Dataset | None]] = {"": (
        Report([DataDriftPreset(columns=columns), TextEvals()]), _texts(found.window, found.labels),
        _texts(reference, found.labels))}
    if found.gate is not None and len(found.labels) <= MAX_LABELS:
        reports["-labels"] = Report([ClassificationQuality()]), _judged(found.gate, found.labels), None
    return reports


def _texts(observed: Observed, labels: list[str]) -> Dataset:
    definition = DataDefinition(numerical_columns=["confidence", "novelty"], categorical_columns=["label", "source"],
                                text_columns=["text"])
    return Dataset.from_pandas(frame_of(observed, labels), data_definition=definition, descriptors=[
        TextLength("text", alias="characters"), WordCount("text", alias="words"),
        SentenceCount("text", alias="sentences"), NonLetterCharacterPercentage("text", alias="non_letters_percent")])


def _judged(answers: Answers, labels: list[str]) -> Dataset:
    """Return what the champion says of labeled texts beside what people said."""
    frame = pd.DataFrame({"target": [labels[number] for number in answers.classes],
                          "label": [labels[number] for number in answers.probs.argmax(axis=1)]})
    definition = DataDefinition(categorical_columns=["target", "label"], classification=[
        MulticlassClassification(target="target", prediction_labels="label")])
    return Dataset.from_pandas(frame, data_definition=definition)


def frame_of(observed: Observed, labels: list[str]) -> pd.DataFrame:
    """Return texts with what the champion says of them."""
    return pd.DataFrame({"text": observed.texts, "source": observed.sources, "novelty": observed.novelty,
                         "label": [labels[number] for number in observed.probs.argmax(axis=1)],
                         "confidence": observed.probs.max(axis=1)})
