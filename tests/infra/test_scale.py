"""The plan's arithmetic on small cases, constants that agree with what they quote, and a page that is the command's."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import Engine

from infra.bench.costs import PRICES, read_prices
from infra.bench.scale import count_statements, look, measure_bank
from infra.commands.scale import command
from infra.scale.constants import read_constants, values
from infra.scale.demand import SECONDS_PER_MONTH, Demand
from infra.scale.limits import broken, limits
from infra.scale.page import BEGIN, END, costs, verdict, write
from infra.scale.plan import Plan
from ingest.bank import DataBank
from ingest.settings import IngestSettings
from registry.errors import HyperMatchError
from registry.events import PredictionServed
from trainer.drift.recipe import DriftRecipe
from trainer.recipe import Recipe, SubwordRecipe
from trainer.settings import TrainerSettings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/scale.md"
CONSTANTS = read_constants()
QUOTED = {                                            # constant -> how the page that it names writes it
    "serve_minilm_ms": "| 324,", "serve_minilm_mixed_ms": "| 8.13 |", "serve_subword_ms": "| 274 |",
    "serve_request_ms": "0.44 ms", "serve_memory_mib": "| 691 |", "minilm_head_mib": "less than a megabyte",
    "ingest_rows_per_second": "65,225", "train_seconds": "8 to\n25 s", "drift_look_seconds": "2.2 s",
    "patience_seconds": "at most 60 s",
}
ONE_A_SECOND = Demand(texts_per_month=SECONDS_PER_MONTH, requests_per_second=100, tasks=10, used_share=0.5,
                      cores_per_replica=4, runs_per_month=1, looks_per_day=1, bank_days=10)
SMALL = {**values(CONSTANTS), "serve_minilm_ms": 100.0, "ingest_rows_per_second": 40.0, "train_seconds": 360.0,
         "texts_per_run": 7_200.0, "drift_look_seconds": 10.0, "drift_window_texts": 500.0,
         "read_task_seconds_per_million_rows": 1_000.0, "plan_ms_per_file": 0.0,
         "bank_bytes_beside_text": 40.0, "bank_bytes_per_char": 1.0, "message_bytes_beside_text": 40.0,
         "look_tasks": 100.0, "look_database_ms": 4.0, "connections_per_worker": 3.0}


@pytest.fixture
def plan() -> Plan:
    return Plan(ONE_A_SECOND, SMALL)


def needed(plan: Plan) -> dict[str, float]:
    return {f"{need.part}: {need.about}": need.value for need in plan.needs()}


def test_a_small_case_is_what_a_person_calculates(plan):
    assert plan.serving_cores == 20                   # 100 texts/s of 0.1 s, used to a half
    assert plan.n_replicas == 5 and plan.n_ingest == 5                # 20 cores by 4; 100 rows/s by 20
    assert plan.demand.kept_texts == 864_000 and plan.bank_bytes == 86_400_000
    assert plan.topic_bytes == 7 * 86_400 * 100 * 3
    # stretches of 14,400, 57,600 and 230,400 rows: the last holds 10 times 7,200
    assert plan.read_task_seconds == pytest.approx(302.4)
    assert plan.training_hours == pytest.approx(10 * (360 + 720 + 302.4) / 3_600)
    assert plan.looking_hours == pytest.approx(10 * 30 * 60 / 3_600)
    assert plan.n_trainers == 1
    assert plan.n_files == pytest.approx(86_400_000 / (100 * 2**20) + 5 * 3_600 / 5)
    asking = replace(plan, values={**SMALL, "plan_ms_per_file": 0.5, "tick_ms_per_task": 7.0, "tally_ms_per_file": 0.01,
                                   "tally_ms_per_new_file": 2.0, "tally_seconds_per_million_rows": 0.1})
    assert asking.tick_seconds == pytest.approx((10 * 7 + plan.n_files * 0.01 + 5 * 10 / 5 * 2) / 1_000)
    assert asking.first_tick_seconds - asking.tick_seconds == pytest.approx(0.0864 + plan.n_files * 0.002)
    assert asking.read_task_seconds - plan.read_task_seconds == pytest.approx(3 * plan.n_files * 0.5 / 1_000)
    assert plan.looks_per_second == 2.5 and plan.database_cores == pytest.approx(2.5 * 0.0004)
    assert plan.connections == 15 + 5 + 1 * SMALL["connections_per_trainer"] + SMALL["connections_of_the_console"]
    assert needed(plan)["serving: core hours a month"] == pytest.approx(SECONDS_PER_MONTH * 0.1 / 3_600 / 0.5)


def test_what_to_do_is_told_in_values_that_suffice(plan):
    heavy = replace(plan, demand=replace(plan.demand, texts_per_month=1e9, tasks=200))
    told = " ".join(limit.what_to_do for limit in limits(heavy))
    remembered = int(re.search(r"REMEMBERED_TEXTS=(\d+)", told)[1])
    tick = int(re.search(r"TICK_SECONDS=(\d+)", told)[1])
    assert 0 <= remembered - 1e9 / 30 / heavy.n_ingest < 1e6 and 0 <= tick - heavy.tick_seconds < 10


def test_a_gpu_takes_the_model_from_the_cores(plan):
    on_gpu = replace(plan, demand=replace(plan.demand, gpu_texts_per_second=50.0))
    assert on_gpu.n_gpus == 4 and on_gpu.n_replicas == 4              # 100 texts/s by 25
    assert on_gpu.serving_cores == pytest.approx(100 * SMALL["serve_request_ms"] / 1_000 / 0.5)
    assert needed(on_gpu)["serving: GPU hours a month"] == 4 * 720 and "serving: GPUs" not in needed(plan)


@pytest.mark.parametrize("field", ["texts_per_month", "requests_per_second", "tasks", "chars_per_text", "bank_days",
                                   "runs_per_month", "looks_per_day"])
def test_who_asks_for_more_never_needs_less(field, plan):
    more = replace(plan, demand=replace(plan.demand, **{field: 10 * getattr(plan.demand, field)}))
    assert all(needed(more)[name] >= value for name, value in needed(plan).items())
    assert needed(more) != needed(plan)


def test_what_breaks_first_is_what_has_the_least_headroom(plan):
    tight = replace(plan, values={**SMALL, "max_connections": plan.connections / 4})
    found = limits(tight)
    assert [limit.headroom for limit in found] == sorted(limit.headroom for limit in found)
    connections = next(limit for limit in found if limit.about.startswith("connections"))
    assert connections.headroom == 0.25 and connections in broken(found)
    assert found[0].about in verdict(found) and found[0].what_to_do in verdict(found)
    roomy = replace(plan, values={**SMALL, "max_connections": 1e9})
    assert connections.about not in {limit.about for limit in broken(limits(roomy))}


def test_a_month_costs_cores_times_hours_times_price(plan):
    price = replace(read_prices(PRICES)[0], name="one", per_hour=2.0, cores=2)
    # 20 cores for 720 h at 1 an hour; 2,592,000 texts of 0.1 s used to a half; 11 other cores
    assert list(costs(plan, [price])) == [("one", "$14,400", "$144", "$7,920")]


class Noting(dict):
    """Values that remember who was asked for."""

    def __init__(self, given):
        super().__init__(given)
        self.asked = set()

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)


def test_every_constant_is_used_and_says_where_it_is_from():
    noted = Noting(values(CONSTANTS))
    for encoder in ("minilm", "minilm-mixed", "subword"):
        for rate in (0.0, 100.0):
            plan = Plan(Demand(encoder=encoder, gpu_texts_per_second=rate), noted)
            assert list(plan.needs()) and limits(plan)
    assert noted.asked == set(CONSTANTS)
    for each in CONSTANTS.values():
        file = each.source.split(",")[0].split(":")[0].split(" ")[0]
        assert each.about and ("/" not in file or (ROOT / file).exists()), each.source


@pytest.mark.parametrize("name", QUOTED)
def test_a_quoted_figure_stands_on_the_page_that_it_names(name):
    page = ROOT / CONSTANTS[name].source.split(",")[0]
    assert QUOTED[name] in page.read_text()


def test_what_our_code_sets_is_what_it_sets():
    documents = list(yaml.safe_load_all((ROOT / "infra/k8s/base/serving.yaml").read_text()))
    scaler = next(each for each in documents if each["kind"] == "HorizontalPodAutoscaler")["spec"]
    memory = documents[0]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    subword, found = SubwordRecipe(), values(CONSTANTS)
    event = PredictionServed(id="0" * 32, text="x", label="card_arrival", confidence=0.9123456, novelty=0.1234567,
                             task="intents", model_version=12, label_space=1, at="2026-01-02T03:04:05.678901+00:00",
                             source="serving")
    assert (found["max_replicas"], f"{found['replica_memory_mib'] / 1_024:g}Gi") == (scaler["maxReplicas"], memory)
    assert found["remembered_texts"] == IngestSettings.model_fields["remembered_texts"].default
    assert found["tick_seconds"] == TrainerSettings.model_fields["tick_seconds"].default
    assert Demand().compact_hours == TrainerSettings.model_fields["compact_hours"].default
    assert (found["texts_per_run"], found["drift_window_texts"]) == (Recipe().max_traffic, DriftRecipe().window_texts)
    n_numbers = subword.n_buckets * (subword.dimensions + subword.context_dimensions)
    assert found["subword_body_mib"] == n_numbers * 4 / 2**20
    assert abs(found["message_bytes_beside_text"] - len(event.model_dump_json(exclude_none=True)) + 1) < 10


def test_a_server_asks_as_many_queries_as_is_counted(engine: Engine):
    statements = count_statements(engine)
    look(engine)
    empty = statements()
    assert 0 < empty <= values(CONSTANTS)["look_statements"]


def test_the_page_holds_what_the_command_says():
    told = CliRunner().invoke(command, [])
    assert told.exit_code == 0
    assert PAGE.read_text().split(BEGIN)[1].split(END)[0] == told.output.rstrip("\n") + "\n", \
        "run `hypermatch scale --into docs/scale.md`"


def test_programs_get_the_same_plan():
    told = json.loads(CliRunner().invoke(command, ["--json", "--tasks", "7", "--texts-per-month", "1e6"]).output)
    plan = Plan(Demand(tasks=7, texts_per_month=1e6), values(CONSTANTS))
    assert told["demand"] == asdict(plan.demand) and told["needs"] == [asdict(need) for need in plan.needs()]
    assert told["limits"][0]["about"] == limits(plan)[0].about
    assert {each["machine"] for each in told["costs"]} == {price.name for price in read_prices(PRICES)}


@pytest.mark.parametrize("wrong", [["--tasks", "0"], ["--texts-per-month", "many"], ["--encoder", "bert"],
                                   ["--used-share", "2"], ["--requests-per-second", "-1"]])
def test_what_cannot_be_asked_is_refused(wrong):
    told = CliRunner().invoke(command, wrong)
    assert told.exit_code == 2 and wrong[0] in told.output


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Mine\n")
    with pytest.raises(HyperMatchError, match="no place for the tables"):
        write(page, "tables")
    assert page.read_text() == "# Mine\n"


def test_the_queries_of_the_page_read_the_bank(tmp_path):
    """Python's is run as it stands but for the address; the others ask the same question."""
    folder = tmp_path / "bank"
    measured = measure_bank(folder, n_rows=1_000, n_tasks=8, n_chars=20)
    assert measured["bytes_per_row"] > 0
    text = PAGE.read_text()
    python = re.search(r"```python\n(import duckdb\n.+?)```", text, re.DOTALL)[1]
    asked = python.replace("s3://hypermatch/bank", str(folder)).replace("duckdb.sql(", "found = duckdb.sql(")
    names: dict = {}
    exec(asked, names)
    rows = names["found"].fetchall()
    assert sum(row[2] for row in rows) == 1_000 == DataBank(str(folder)).stats()["rows"]
    assert [row[0] for row in rows] == [f"task-{number:03d}" for number in range(8)]
    queries = {" ".join(query.split()).replace("delta_scan('s3://hypermatch/bank')", "bank")
               for query in re.findall(r"SELECT task.+?ORDER BY task, day", text, re.DOTALL)}
    assert len(queries) == 1
