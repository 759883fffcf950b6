"""A class that somebody accepts in the browser is learned by the trainer and answered by the running server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from infra.parts import free_port
from ingest.bank import DataBank
from ingest.bank.tally import Tally
from registry.accounts.people import add_account, set_password
from registry.accounts.roles import Role
from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import migrate, open_database, read, write
from registry.labels import import_labels
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.runs import request_run
from registry.lifecycle.versions import latest_version
from registry.proposals import record_proposals
from registry.settings import RegistrySettings
from registry.tables import ClassProposal, Part, ProposalState
from registry.tasks import create_task
from serving.routes import create_app as create_server
from serving.settings import ServingSettings
from serving.worker import opened
from tests.conftest import require
from tests.registry.console.running import CHROMIUM, chromium, served
from tests.registry.console.test_served import decide, wait_until_answered_by
from tests.registry.console.town import PASSWORD
from trainer.scheduler.decide import Triggers
from trainer.scheduler.loop import Trainer
from trainer.workplace import Workplace

LABELS = ["exchange_rate", "terminate_account"]
FOUND = [f"what is the price of a bitcoin in {place}" for place in (
    "euros", "dollars", "pounds", "yen", "francs", "zloty", "crowns", "pesos", "rupees", "lira", "rand", "won")]
RECIPE = """encoder = "subword"
[subword]
dimensions = 32
n_buckets = 4096
n_max = 3
epochs = 1
batch_rows = 32
[export]
n_golden = 4
[gate]
margin = 0.1
"""


@pytest.fixture
def installation(tmp_path):
    """A task of two classes whose v1 was learned by a real run and is champion, and one proposal."""
    url, store = f"sqlite:///{tmp_path}/registry.db", ArtifactStore(str(tmp_path / "artifacts"))
    migrate(url)
    engine, now = open_database(url), datetime.now(UTC)
    (tmp_path / "intent.toml").write_text(RECIPE)
    workplace = Workplace(engine=engine, store=store, bank=DataBank(str(tmp_path / "bank")), cache=tmp_path / "cache",
                          worker="trainer@test:1", code_revision="test", now=lambda: datetime.now(UTC),
                          lease=timedelta(seconds=30), threads=1)
    with write(engine) as session:
        _settle(session, now)
    trainer = Trainer(workplace, Triggers(20, 5_000, timedelta(0)), tmp_path, Event(), Tally(workplace.bank))
    trainer.tick()
    with write(engine) as session:
        approve(session, "intent", 1, actor="ann", reason="first", now=now)
        promote(session, "intent", 1, actor="ann", reason="first", now=now)
    yield engine, store, trainer
    engine.dispose()


def _settle(session, now):
    table = pq.read_table(Path(__file__).parents[3] / "infra/demo/banking77.parquet").to_pylist()
    texts = {label: [row["text"] for row in table if row["label"] == label] for label in LABELS}
    add_account(session, "ada", Role.APPROVER, actor="test", now=now)
    set_password(session, "ada", PASSWORD, actor="test", now=now)
    create_task(session, "intent", LABELS, actor="ann", now=now)
    for part, some in ((Part.TRAIN, slice(0, 10)), (Part.GATE, slice(10, 30))):
        import_labels(session, "intent", [(text, label) for label in LABELS for text in texts[label][some]], part=part,
                      actor="ann", origin="test", now=now)
    found = {"exemplars": FOUND[:10], "boundary": FOUND[10:], "terms": ["bitcoin"], "share_novel": 0.9}
    record_proposals(session, "intent", [ClassProposal(
        task="intent", state=ProposalState.PROPOSED, name="bitcoin", n_texts=90, near_label=None, cohesion=0.9,
        stability=0.9, bank_version=1, version_number=1, created_at=now, findings=found)], actor="trainer", now=now)
    request_run(session, "intent", actor="ann", reason="first", now=now)


def test_a_class_accepted_in_the_browser_is_learned_and_answered_by_the_running_server(installation):
    require(CHROMIUM is not None, "Chromium (`apt-get install chromium`)")
    engine, store, trainer = installation
    console = create_app(engine, store, ConsoleSettings(), RegistrySettings(), lambda: datetime.now(UTC))
    settings = ServingSettings(poll_seconds=0.05, threads=1, providers="cpu")
    server = TestClient(create_server(lambda: opened(settings, engine, store)))
    with server, served(console, free_port()) as address, chromium() as browser:
        wait_until_answered_by(server, 1, "intent")
        page = browser.new_page(base_url=address)
        sign_in(page, address)
        page.goto("/tasks/intent/discovery")
        card = page.locator("#proposal-1")
        card.get_by_label("Accept as a new class called").fill("bitcoin_price")
        card.get_by_label("Reason").fill("ten people asked for it")
        with page.expect_navigation():
            card.get_by_role("button", name="Accept").click()
        trainer.tick()
        with read(engine) as session:
            version = latest_version(session, "intent")
            assert (version.number, version.requested_by) == (2, "ada"), trainer.last_says
        page.goto("/tasks/intent/versions/2")
        assert "bitcoin_price" in page.content() and "The classes change." in page.content()
        decide(page, "Approve", "Approve v2")
        decide(page, "Promote", "Make v2 the champion")
        wait_until_answered_by(server, 2, "intent")
        assert label_of(server, "what is the price of a bitcoin in roubles") == "bitcoin_price"
        assert label_of(server, "please close my account") == "terminate_account"


def sign_in(page, address):
    page.goto("/sign-in")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"{address}/")


def label_of(server, text):
    answer = server.post("/v1/tasks/intent/predict", json={"texts": [text]})
    return answer.json()["predictions"][0]["label"]
