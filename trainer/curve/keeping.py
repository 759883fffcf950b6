"""Keeps a measured curve as an artifact that the audit log names, so that pages can show it later."""

import json

from registry import audit
from registry.database import read, write
from registry.errors import NotFound
from trainer.curve.curve import TaskCurve
from trainer.workplace import Workplace

ACTION = "curve:measured"
CURVE_FILE, PLOT_FILE = "curve.json", "curve.svg"


def keep(workplace: Workplace, curve: TaskCurve, plot: str, *, actor: str) -> str:
    """Store the curve with its plot and say so in the audit log; return the artifact's digest."""
    content = json.dumps(curve.to_dict(), indent=1, ensure_ascii=False).encode()
    digest = workplace.store.store({CURVE_FILE: content, PLOT_FILE: plot.encode()},
                                   {"kind": "curve", "task": curve.task, "n_labels": curve.n_labels})
    with write(workplace.engine) as session:
        audit.record(session, action=ACTION, subject=curve.task, actor=actor, now=workplace.now(),
                     reason="; ".join(f"{name}: {arm.demand.says}" for name, arm in curve.arms.items()),
                     details={"digest": digest, "target": curve.target, "n_labels": curve.n_labels})
    return digest


def newest(workplace: Workplace, task: str) -> str:
    """Return the digest of the curve measured last; raises NotFound if there is none."""
    with read(workplace.engine) as session:
        digests = [entry.details["digest"] for entry in audit.entries(session, subject=task) if entry.action == ACTION]
    if not digests:
        raise NotFound(f"no curve of task {task} was measured", f"`hypermatch curve --task {task} --target 0.9`")
    return str(digests[-1])
