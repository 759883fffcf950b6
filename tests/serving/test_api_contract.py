"""Schemathesis against serving's own document: no 5xx, no answer that the document does not foresee."""

import json

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from infra.parts import free_port
from serving.openapi import OPERATIONS, SAYS, document
from serving.problems import CODES
from serving.protocol import Limits
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.worker import opened
from tests.registry.console.running import served
from tests.serving.test_http import wait_for

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
N_EXAMPLES = 8                                        # of each operation and mode
RIGHT = {"task": "intents", "version": "1"}


@pytest.fixture
def address(installation):
    """A server on a real port: its batches live in the event loop that answers."""
    installation.promote()
    chosen = ServingSettings(poll_seconds=0.05, threads=1, providers="cpu", max_texts=8, max_text_chars=200)
    app = create_app(lambda: opened(chosen, installation.engine, installation.store))
    with served(app, free_port()) as url, httpx.Client(base_url=url) as client:
        wait_for(client, 1)
        yield url


def test_the_document_is_valid_and_knows_every_problem_that_there_is():
    OpenAPIV31SpecValidator(json.loads(json.dumps(document(Limits(8, 200))))).validate()
    assert {code.value for code in CODES.values()} <= SAYS.keys()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_keeps_to_the_document_whatever_it_is_sent(address, mode):
    schema = schemathesis.openapi.from_url(f"{address}/v1/openapi.json")
    checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS, negative_data_rejection]
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue                                  # nothing that could be wrong: a path takes every text
        asked.add(name)

        @seed(7)
        @settings(max_examples=N_EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps(case):
            if case.operation.body:                   # what is sent should reach more than a 404
                case.path_parameters.update({name: RIGHT[name] for name in case.path_parameters})
            case.call_and_validate(checks=checks)

        keeps()
    assert asked == {operation.name for operation in OPERATIONS
                     if mode is GenerationMode.POSITIVE or operation.takes is not None}
