"""Human labels: searched, changed with their history, imported and exported."""

import csv
import io
from collections.abc import Iterator

from sqlmodel import col, select
from starlette.responses import Response, StreamingResponse

from registry import acts
from registry.cells import neutral, unmarked
from registry.console.pages.task import task_of
from registry.console.paging import Paging
from registry.console.visits import Visit
from registry.database import read
from registry.errors import Refused
from registry.label_edits import get_labeled_text, history_of, label_counts, search_labels
from registry.tables import LabeledText, Part
from registry.tasks import label_space

PER_PAGE = 50


def show(visit: Visit) -> Response:
    """Search the labels of a task."""
    task, page = task_of(visit), visit.number("page")
    part = Part(visit.asked("part")) if visit.asked("part") in list(Part) else None
    rows, total = search_labels(visit.session, task.name, words=visit.asked("q"), label=visit.asked("label"),
                                part=part, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
    return visit.show("labels.html", task=task, rows=rows, paging=Paging(page, PER_PAGE, total), words=visit.asked("q"),
                      label=visit.asked("label"), part=part, labels=label_space(visit.session, task.name).labels,
                      counts=label_counts(visit.session, task.name), parts=list(Part))


def show_one(visit: Visit) -> Response:
    """Show one labeled text with its history."""
    task = task_of(visit)
    labeled = get_labeled_text(visit.session, task.name, visit.request.path_params["text"])
    return visit.show("label.html", task=task, labeled=labeled, history_entries=history_of(visit.session, labeled),
                      labels=label_space(visit.session, task.name).labels)


def change(visit: Visit) -> Response:
    """Give a text another label."""
    task, text_id = (visit.request.path_params[name] for name in ("task", "text"))
    acts.change_label(visit.session, visit.actor, task, text_id, visit.given("label"), was=visit.given("was"),
                      reason=visit.given("reason"), now=visit.now)
    return visit.go(f"/tasks/{task}/labels/{text_id}", "label_changed")


def remove(visit: Visit) -> Response:
    """Remove a labeled text."""
    task, text_id = (visit.request.path_params[name] for name in ("task", "text"))
    acts.remove_label(visit.session, visit.actor, task, text_id, reason=visit.given("reason"), now=visit.now)
    return visit.go(f"/tasks/{task}/labels", "label_removed")


def import_file(visit: Visit) -> Response:
    """Import a CSV file with the columns text and label, all rows or none."""
    task = task_of(visit)
    if visit.file is None or not visit.file.filename:
        raise Refused("no file was sent", "choose a CSV file with the columns text and label")
    if visit.given("part") not in list(Part):
        raise Refused("say whether the labels train or judge")
    rows = read_labels(visit.file.file.read())
    result = acts.import_labels(visit.session, visit.actor, task.name, rows, part=Part(visit.given("part")),
                                origin=visit.file.filename[:500], now=visit.now)
    return visit.go(f"/tasks/{task.name}/labels?n={result.added + result.changed}", "labels_imported")


def export(visit: Visit) -> Response:
    """Send all labels of the task as CSV; no cell begins a formula."""
    task = task_of(visit)
    headers = {"Content-Disposition": f'attachment; filename="{task.name}-labels.csv"'}
    return StreamingResponse(_csv_lines(visit, task.name), media_type="text/csv; charset=utf-8", headers=headers)


def read_labels(content: bytes) -> list[tuple[str, str]]:
    """Return (text, label) of each labeled row; raises Refused for what is no such file."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if not {"text", "label"} <= set(rows.fieldnames or ()):
            raise Refused("the file lacks a column text or label", "its first row names the columns")
        found = [(unmarked(row["text"] or ""), unmarked(row["label"])) for row in rows if row["label"]]
    except UnicodeDecodeError as error:
        raise Refused("the file is not UTF-8", "save it as CSV UTF-8") from error
    except csv.Error as error:
        raise Refused(f"the file cannot be read: {error}") from error
    if not found:
        raise Refused("no row of the file has a label")
    return found


def _csv_lines(visit: Visit, task: str) -> Iterator[str]:
    """Read in a session of its own: the page's is closed when the file is sent."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["text", "label", "part", "actor", "origin", "labeled_at"])
    query = select(LabeledText).where(LabeledText.task == task).order_by(col(LabeledText.id))
    with read(visit.console.engine) as session:
        for row in session.exec(query.execution_options(yield_per=1_000)):
            writer.writerow([neutral(row.text), neutral(row.label), row.part.value, neutral(row.actor),
                             neutral(row.origin), row.labeled_at.isoformat()])
            if lines.tell() > 64_000:
                yield lines.getvalue()
                lines.seek(0)
                lines.truncate()
        yield lines.getvalue()
