"""Serves Evidently's own interface on the workspace of looks."""

import os
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")            # Evidently would report its use to its makers

from evidently.ui.service.app import run_local

from trainer.errors import NotWatchable


def serve_dashboard(folder: Path, host: str, port: int) -> None:
    """Answer until stopped; raises NotWatchable where no look was kept yet.

    Evidently's interface has no accounts, and whoever reaches it may delete: keep it on loopback.
    """
    if not any(folder.glob("*/metadata.json")):
        raise NotWatchable(f"{folder} holds no look at drift", "`hypermatch drift check` or the trainer adds them")
    run_local(host=host, port=port, workspace=str(folder))
