"""Schemathesis against the API's own document: no 5xx, no answer that the document does not foresee."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry.accounts.tokens import create_token
from registry.console.api.operations import OPERATIONS
from registry.database import write

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
N_EXAMPLES = 4                                        # of each operation and mode


@pytest.fixture
def headers(engine, now):
    with write(engine) as session:
        raw = create_token(session, "root", "fuzz", scopes={"read", "label", "decide", "administer"}, days=3,
                           actor="root", now=now)
    return {"Authorization": f"Bearer {raw}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_keeps_to_the_document_whatever_it_is_sent(app, headers, mode):
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        asked.add(operation.definition.raw["operationId"])

        @settings(max_examples=N_EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps(case):
            case.call_and_validate(checks=CHECKS, headers=headers)

        keeps()
    assert asked == {operation.name for operation in OPERATIONS}
