"""What serving answers as an OpenAPI 3.1 document: HyperMatch's own form, the Open Inference Protocol, the probes."""

import re
from dataclasses import dataclass
from typing import Any

from serving.protocol import Limits

Schema = dict[str, Any]
INTEGER, NUMBER, TEXT = {"type": "integer"}, {"type": "number"}, {"type": "string"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
SAYS = {400: "The body is not JSON in UTF-8.", 404: "No such task, version or path.",
        405: "The path takes another method.", 409: "The pinned label space is not answered.",
        413: "The body or a text is too large.", 415: "The body does not claim to be JSON.",
        422: "JSON of the wrong shape.", 429: "Too many texts are waiting; Retry-After says when to try again.",
        500: "A defect of the server.", 503: "Not loaded yet.", 504: "No answer in time."}


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, what it takes and gives, by the names of the schemas."""

    name: str
    path: str
    says: str
    gives: str
    takes: str | None = None

    @property
    def method(self) -> str:
        return "get" if self.takes is None else "post"


_MODEL, _VERSION = "/v2/models/{task}", "/v2/models/{task}/versions/{version}"
OPERATIONS = (
    Operation("predict", "/v1/tasks/{task}/predict", "Answer texts.", "Predictions", "PredictRequest"),
    Operation("info", "/v1/info", "Say what answers here, and on which provider.", "Info"),
    Operation("server", "/v2", "Describe the server.", "Server"),
    Operation("live", "/v2/health/live", "Say that the server lives.", "Live"),
    Operation("ready", "/v2/health/ready", "Say whether all that is wanted is served.", "Ready"),
    Operation("livez", "/livez", "Say that the server lives.", "Live"),
    Operation("readyz", "/readyz", "Say whether all that is wanted is served.", "Ready"),
    Operation("model", _MODEL, "Describe what answers for a task.", "Model"),
    Operation("model_ready", f"{_MODEL}/ready", "Say whether a task is answered.", "Ready"),
    Operation("infer", f"{_MODEL}/infer", "Answer texts in the Open Inference Protocol.", "Inference",
              "InferRequest"),
    Operation("version", _VERSION, "Describe a version that answers.", "Model"),
    Operation("version_ready", f"{_VERSION}/ready", "Say whether a version answers.", "Ready"),
    Operation("version_infer", f"{_VERSION}/infer", "Answer texts by this version or not at all.", "Inference",
              "InferRequest"),
)


def document(limits: Limits) -> Schema:
    """Return the document of a server with these limits."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "HyperMatch serving", "version": "1", "description": "Answers texts with their labels.",
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {**_requests(limits), **_ANSWERS}},
    }


def _described(operation: Operation) -> Schema:
    described: Schema = {
        "operationId": operation.name, "summary": operation.says,
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                       for name in re.findall(r"\{(\w+)\}", operation.path)],
        "responses": {"200": {"description": "Answered.", "content": _of(operation.gives)}, **_PROBLEMS},
    }
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": _of(operation.takes)}
    return described


def _of(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _list(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def _requests(limits: Limits) -> Schema:
    """Describe what clients send; what more they send in an object is of no concern to us."""
    text = {**TEXT, "minLength": 1, "maxLength": limits.max_text_chars, "pattern": r"\S"}
    pinned = {"type": ["integer", "null"], "description": "The label space that the client knows."}
    tensor = _object({"name": TEXT, "shape": _list(INTEGER, minItems=1, maxItems=2), "datatype": {"const": "BYTES"},
                      "data": _list(text, minItems=1, maxItems=limits.max_texts)})
    return {"PredictRequest": _object({"texts": _list(text, minItems=1, maxItems=limits.max_texts)},
                                      {"label_space": pinned}),
            "InferRequest": _object({"inputs": _list(tensor, minItems=1, maxItems=1)},
                                    {"id": TEXT, "parameters": _object({}, {"label_space": pinned})})}


_LIKELY = _object({"label": TEXT, "confidence": SHARE})
_PREDICTION = _object({"label": TEXT, "confidence": SHARE, "novelty": NUMBER, "top": _list(_LIKELY, minItems=1)},
                      {"is_novel": {"type": "boolean"}})
_TENSOR = _object({"name": TEXT, "datatype": TEXT, "shape": _list(INTEGER)}, {"data": {"type": "array"}})
_ANSWERS = {
    "Predictions": _object({"model_version": INTEGER, "label_space": INTEGER, "predictions": _list(_PREDICTION)}),
    "Inference": _object({"model_name": TEXT, "model_version": TEXT, "id": TEXT, "outputs": _list(_TENSOR)},
                         {"parameters": {"type": "object"}}),
    "Model": _object({"name": TEXT, "versions": _list(TEXT), "platform": TEXT, "inputs": _list(_TENSOR),
                      "outputs": _list(_TENSOR)}, {"parameters": {"type": "object"}}),
    "Server": _object({"name": TEXT, "version": TEXT, "extensions": _list(TEXT)}),
    "Info": _object({"process": TEXT, "provider": TEXT, "passed_over": _list(TEXT), "is_ready": {"type": "boolean"},
                     "tasks": {"type": "object", "additionalProperties": {"type": ["object", "null"]}}}),
    "Live": _object({"live": {"const": True}}),
    "Ready": _object({"ready": {"const": True}}),
    "Problem": _object({"type": TEXT, "title": TEXT, "status": INTEGER, "detail": TEXT}),
}
_PROBLEMS = {str(code): {"description": says, "content": {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, says in SAYS.items()}
