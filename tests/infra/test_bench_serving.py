"""The serving benchmark: peers answer as we do, nothing is measured twice, waiting counts, costs follow from rates."""

import asyncio
import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from infra.bench.against import Plan, conditions, measure
from infra.bench.against_results import write
from infra.bench.against_tables import best_within, ratios
from infra.bench.arrivals import PreparedLoad
from infra.bench.costs import PRICES, read_prices
from infra.bench.figures import Figures
from infra.bench.peers.known import chosen
from infra.bench.serving_stage import TASK, Stage
from infra.bench.workloads import Workload, star, texts_of
from infra.commands.bench import command
from infra.parts import free_port
from registry.database import write as writing
from registry.errors import HyperMatchError
from registry.tasks import create_task
from tests.serving.bundles import tiny_bundle, tokenizer_json
from trainer.recipe import Recipe

LABELS = ["lost", "money", "other"]


def tiny_stage(folder):
    stage = Stage(folder, folder / "cache", n_versions=1)
    with writing(stage.engine) as session:
        create_task(session, TASK, LABELS, actor="bench", now=stage.workplace.now())
    stage.digests[1] = tiny_bundle(stage.store, TASK, LABELS)
    stage._register(stage.digests[1], Recipe())
    return stage


def told(rate, p99, failed=0):
    return {"texts_per_second": rate, "p50_ms": p99 / 2, "p99_ms": p99, "p99.9_ms": p99, "cpu_ms_per_text": 5.0,
            "memory_mib": 100.0, "requests": 100, "failed": failed, "wrong": 0}


def cell(server, capacity, p99, loads):
    return {"server": server, "texts": 1, "connections": 32, "length": "mixed", "seconds": 1.0,
            "capacity": told(capacity, p99), "loads": {str(load): told(rate, ms) for load, (rate, ms) in loads.items()}}


CELLS = [cell("hypermatch", 200, 180, {50: (100, 30), 95: (190, 90)}), cell("raw-ort", 220, 40, {}),
         cell("bentoml-batchable", 120, 400, {50: (60, 35), 95: (110, 100)})]


def test_peers_answer_what_we_answer_and_are_not_measured_twice(tmp_path):
    file, recipe = tmp_path / "figures.json", Recipe()
    plan = Plan(chosen(["raw-ort", "bentoml-batchable"]), [Workload(2, 2, "8")], [50], 0.5, cores=1)
    measure(tiny_stage, plan, Figures(file, conditions(recipe, 1)), print)
    kept = json.loads(file.read_text())

    assert [each["server"] for each in kept["cells"]] == ["hypermatch", "raw-ort", "bentoml-batchable"]
    for each in kept["cells"]:
        for found in [each["capacity"], *each["loads"].values()]:
            assert found["requests"] > 0 and found["failed"] == found["wrong"] == 0 and found["cpu_ms_per_text"] > 0
    measure(lambda _: pytest.fail("measured again"), plan, Figures(file, conditions(recipe, 1)), print)
    with pytest.raises(HyperMatchError, match="was measured with cores 1, not 2"):
        Figures(file, conditions(recipe, 2))


def test_a_request_that_waits_for_a_connection_is_as_late_as_it_is():
    async def slow(reader, writer):
        while (head := await reader.readuntil(b"\r\n\r\n")):
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + b'[["lost", 0.5]]    ')

    async def load():
        port = free_port()
        async with await asyncio.start_server(slow, "127.0.0.1", port):
            load = PreparedLoad(port, "/", [["a"]], list, lambda answer: answer, {"a": {"lost": 0.5}})
            return await load.arriving(1, per_second=40, seconds=1.0)

    outcome = asyncio.run(load())
    assert outcome.failed == outcome.mixed == 0
    assert outcome.percentile_ms(100) > 300                        # twice as much came as was answered


def test_rates_are_compared_at_a_p99_no_worse_than_the_peers():
    row = ratios(CELLS)[-1]

    assert best_within(CELLS[0], 35) == 100 and best_within(CELLS[0], 1) == 0
    assert row.split(" | ")[1] == "0.91" and row.endswith("| 1.67 to 1.73 |")


def test_tables_plots_and_costs_are_renewed_between_the_marks(tmp_path):
    (tmp_path / "f.json").write_text(json.dumps({"conditions": {"cores": 2}, "cells": CELLS}))
    (tmp_path / "i.json").write_text(json.dumps({"rows_per_second": 60_000, "cores": 2}))
    (tmp_path / "benchmarks.md").write_text("before\n<!-- peers -->\nold\n<!-- end of peers -->\nafter\n")
    for _ in range(2):
        write([tmp_path / "f.json"], [tmp_path / "f.json"], [tmp_path / "i.json"], tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()

    assert page.startswith("before\n<!-- peers -->\n") and page.endswith("<!-- end of peers -->\nafter\n")
    assert "old" not in page and "| banked from Kafka | 30,000 |" in page
    assert page.count("### Costs") == page.count("### CPU time on 2 cores") == 1
    drawn = ElementTree.parse(tmp_path / "plots/serving_2_1x32.svg").getroot()
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_a_million_texts_cost_the_hours_they_take():
    price = read_prices(PRICES)[0]
    hours = 1e6 / (100 * price.cores * 0.5) / 3600
    assert price.per_million(100, 0.5) == pytest.approx(hours * price.per_hour)


def test_texts_have_the_tokens_asked_for_and_lists_that_would_wait_too_long_are_left_out():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(tokenizer_json())
    tokenizer.no_truncation()
    assert {len(tokenizer.encode(text).ids) for text in texts_of("8", tokenizer_json())} <= {7, 8}
    assert [(each.texts, each.connections, each.length) for each in star([1, 16], [8, 64], ["mixed", "8"], 512)] == [
        (1, 8, "mixed"), (1, 64, "mixed"), (16, 8, "mixed"), (1, 64, "8")]


@pytest.mark.parametrize(("options", "words"), [
    (["--against", "raw-rot"], "no peer 'raw-rot'; choose among raw-ort, bentoml-batchable, litserve, mlserver"),
    (["--against", "raw-ort", "--lengths", "4"], "'4' is no length"),
    (["--against", "raw-ort", "--connections", "two"], "'two' is no number from 1"),
])
def test_what_cannot_be_measured_is_said_at_once(options, words):
    done = CliRunner().invoke(command, ["serving", *options])
    assert done.exit_code != 0 and words in f"{done.output}{done.exception}"
