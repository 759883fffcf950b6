"""The operations of the API as an OpenAPI 3.1 document."""

import re
from typing import Any

from pydantic import BaseModel

from registry.accounts.roles import SCOPES
from registry.console.api.operations import NUMBERS, OPERATIONS, Operation
from registry.lifecycle.trials import TRIALS


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
        is_needed = any(each.is_required() for each in operation.body.model_fields.values())
        described["requestBody"] = {"required": is_needed, "content": {"application/json": {"schema": reference}}}
        _add_schema(operation.body, schemas)
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    kinds: dict[str, dict[str, Any]] = dict.fromkeys(NUMBERS, number)
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
