"""Logs for people, or for machines: one JSON object a line."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from registry.telemetry.settings import TelemetrySettings

TEXT = "%(asctime)s %(levelname)s %(message)s"
QUIET = logging.WARNING                               # for what is not ours


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, message, process and, where there is one, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                                "level": record.levelname.lower(), "logger": record.name,
                                "message": record.getMessage(), "process": record.process}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def configure_logs(settings: TelemetrySettings, levels: Mapping[str, int]) -> None:
    """Log to standard error in the format of the settings; `levels` says how much of which logger."""
    logging.basicConfig(format=TEXT, level=QUIET)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    reformat_logs(settings)


def reformat_logs(settings: TelemetrySettings, names: Iterable[str] = ()) -> None:
    """Give the handlers that are there, of the root and of other loggers, our format; `text` leaves theirs."""
    if settings.log_format == "json":
        for logger in (logging.getLogger(name) for name in ("", *names)):
            for handler in logger.handlers:
                handler.setFormatter(JsonLines())
