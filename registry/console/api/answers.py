"""What answers look like, where the document says more of them than that they are objects."""

from typing import Any

from registry.lifecycle.flip_progress import FlipState
from registry.lifecycle.flipping import Act

_TIME = {"type": ["string", "null"], "format": "date-time"}
_NAMES = {"type": "array", "items": {"type": "string"}}

FLIP: dict[str, Any] = {"type": "object", "required": ["flip"], "properties": {"flip": {
    "type": ["object", "null"], "required": ["version_number", "state", "ready", "awaited"], "properties": {
        "version_number": {"type": "integer"}, "state": {"enum": [each.value for each in FlipState]},
        "asked_by": {"type": "string"}, "reason": {"type": "string"}, "asked_at": _TIME,
        "until": {**_TIME, "description": "While it is prepared: when its time is over."},
        "goes_on_then": {"type": "boolean", "description": "Then: on without the awaited; else it is given up."},
        "from_at": {**_TIME, "description": "When all change, by the database's clock."},
        "ended_by": {"type": "string"}, "says": {"type": "string"}, "ended_at": _TIME,
        "ready": {**_NAMES, "description": "Live servers that hold it, or answer with it after its moment."},
        "awaited": {**_NAMES, "description": "Live servers that did not say so yet."},
        "setbacks": {**_NAMES, "description": "Why a server could not load it."}}}}}
PROMOTED: dict[str, Any] = {"type": "object", "required": ["task", "number", "stage", "digest"], "properties": {
    "flip": {
        "type": "object", "required": ["act", "reason", "from_at"],
        "description": "Only with `is_together`: what was done at once, and the moment if there is one.",
        "properties": {"act": {"enum": [each.value for each in Act]}, "reason": {"type": "string"}, "from_at": _TIME}}}}
