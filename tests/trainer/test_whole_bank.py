"""Work on every text of the bank: the same result in one process and on two workers of a Ray cluster."""

import importlib.util
from datetime import UTC, datetime, timedelta
from threading import Event

import numpy as np
import pyarrow as pa
import pytest

from ingest.schema import SCHEMA
from registry.artifacts.bundle import load_bundle
from registry.database import read, write
from registry.lifecycle.promotion import approve, promote
from registry.proposals import list_proposals, record_proposals
from registry.tables import ClassProposal, ProposalState
from registry.text import text_hash
from serving.predictor import Predictor
from tests.conftest import require
from trainer.discovery.metric import unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.drift.answers import computed
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache, folder_of
from trainer.encoders.embedder import Embedder
from trainer.encoders.transformer import from_folder
from trainer.errors import Interrupted, NotWatchable, TrainerError
from trainer.export.bundle import CPU
from trainer.run import run_once
from trainer.whole_bank import chunks
from trainer.whole_bank.alone import in_this_process
from trainer.whole_bank.chunks import BankTexts
from trainer.whole_bank.counting import count_in_bank
from trainer.whole_bank.embedding import embed_bank
from trainer.whole_bank.known import KnownVectors


@pytest.fixture(scope="module")
def two_workers():
    """A Ray cluster of two cores on this machine."""
    require(importlib.util.find_spec("ray") is not None, "`pip install 'hypermatch[ray]'`")
    from trainer.whole_bank.on_ray import LOCAL, cluster

    with cluster(LOCAL, 2) as reached:
        yield reached


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 64)


@pytest.fixture
def encoder(tiny_transformer):
    return from_folder("tiny", tiny_transformer, 32)


@pytest.fixture
def banked(workplace, banking):
    """Texts of two days and two tasks in three files, a third of them twice."""
    texts = [text for own in banking.values() for text in own[:100]]
    for day, part, task in ((1, texts[:200], "intent"), (2, texts[100:300], "intent"), (3, texts[250:], "other")):
        bank_day(workplace.bank, day, part, task)
    return workplace.bank


def bank_day(bank, day, texts, task):
    """Bank texts of one day; the first ten are ann's."""
    at = datetime(2026, 1, day, tzinfo=UTC)
    row = dict.fromkeys(SCHEMA.names) | {"task": task, "source": "app", "banked_at": at, "kind": "text",
                                         "topic": "texts", "partition": 0, "day": at.date()}
    rows = [row | {"id": f"{day}:{index}", "text": text, "text_hash": text_hash(text), "offset": index,
                   "subject": "ann" if index < 10 else None, "at": at + timedelta(minutes=index)}
            for index, text in enumerate(texts)]
    bank.append(pa.Table.from_pylist(rows, schema=SCHEMA), offsets={})


def embed(workplace, encoder, name, run=in_this_process, task=None, report=lambda _done: None):
    return embed_bank(BankTexts.of(workplace.bank, task), encoder, workplace.cache / name, run, 1, report)


def vectors(workplace, encoder, name, texts):
    found = KnownVectors.of(folder_of(workplace.cache / name, encoder.digest))
    keys = [bytes.fromhex(text_hash(text)) for text in texts]
    assert found.has(keys).all() and len(found.keys) == len(set(keys))
    return found.get(keys)


def test_two_workers_embed_the_texts_of_the_banks_own_reader_to_the_same_bits(workplace, banked, encoder, two_workers):
    banked.forget("ann")
    texts = banked.texts(None)["text"].to_pylist()
    alone, joined = embed(workplace, encoder, "alone"), embed(workplace, encoder, "ray", two_workers.run)

    assert alone == joined and alone.n_embedded == len(texts) == len(set(texts)) > 300
    assert np.array_equal(vectors(workplace, encoder, "alone", texts), vectors(workplace, encoder, "ray", texts))


def test_what_was_embedded_before_an_interruption_is_not_embedded_again(workplace, banked, encoder):
    def stop_half_way(done):
        if done > 0.5:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        embed(workplace, encoder, "own", report=stop_half_way)
    kept = len(EmbeddingCache(workplace.cache / "own", encoder.digest))
    done = embed(workplace, encoder, "own")
    assert 0 < kept == done.n_texts - done.n_embedded < done.n_texts
    assert embed(workplace, encoder, "own").n_embedded == 0


def test_training_finds_the_vectors_of_the_tasks_texts_and_only_those(workplace, banked, encoder, monkeypatch):
    done, texts = embed(workplace, encoder, "own", task="intent"), banked.texts("intent")["text"].to_pylist()
    assert done.n_texts == len(texts) < len(banked.texts(None))

    cache = workplace.cache / "own"
    embedder = Embedder(encoder, body_of(encoder, cache), EmbeddingCache(cache, encoder.digest), 1)
    monkeypatch.setattr(embedder, "compute", lambda texts: pytest.fail("embedded again"))
    assert np.array_equal(embedder.embed(texts), vectors(workplace, encoder, "own", texts))


def test_an_empty_bank_is_one_line(workplace):
    with pytest.raises(NotWatchable, match="no text of task intent; `hypermatch ingest run`"):
        BankTexts.of(workplace.bank, "intent")


@pytest.mark.parametrize(("address", "says"), [
    ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"), ("ray://somewhere:1", "takes HOST:PORT")])
def test_a_cluster_that_does_not_answer_is_one_line(address, says):
    require(importlib.util.find_spec("ray") is not None, "`pip install 'hypermatch[ray]'`")
    from trainer.whole_bank.on_ray import cluster

    with pytest.raises(TrainerError, match=says) as found, cluster(address):
        pass
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("n_rows", [1, 64, 65, 1_000, 10**8])
def test_chunks_are_about_as_large_as_asked_however_many_texts_there_are(n_rows):
    n_chunks = 2 ** chunks.bits_for(n_rows)
    assert n_rows / n_chunks <= 64 and (n_chunks == 1 or n_rows / n_chunks > 32 - 1)


STRANGE = [f"the weather in town {number} will be sunny with clouds" for number in range(60)]


@pytest.fixture
def proposed(workplace, task, recipe, banking):
    """A champion, strange texts of two days beside its own in the bank, and a proposal made of half of them."""
    version = run_once(workplace, "intent", recipe, reason="test", actor="ann", facts={}, stop=Event()).version
    now = workplace.now()
    with write(workplace.engine) as session:
        approve(session, "intent", version.number, actor="ann", reason="good", now=now)
        promote(session, "intent", version.number, actor="bob", reason="good", now=now)
    usual = [text for own in banking.values() for text in own[25:60]]
    for day, texts in ((1, STRANGE[:40] + usual[:70]), (2, STRANGE[40:] + usual[70:])):
        bank_day(workplace.bank, day, texts, "intent")
    bundle = load_bundle(workplace.store, version.digest)
    found = computed(Predictor.load(bundle, CPU, 1), STRANGE[:30], ("embedding",))
    center = unit(found.sum(axis=0, keepdims=True))[0]
    draft = ClassProposal(task="intent", state=ProposalState.PROPOSED, name="weather", n_texts=30, cohesion=0.9,
                          stability=0.9, bank_version=1, version_number=version.number, created_at=now, findings={
                              "encoder": bundle.facts.encoder, "center": center.tolist(), "members": [],
                              "reach": float((found @ center).min()) - 0.05})
    with write(workplace.engine) as session:
        record_proposals(session, "intent", [draft], actor="trainer", now=now)
    return workplace


def test_two_workers_count_a_proposals_texts_by_day_as_one_process_does(proposed, two_workers):
    def count(run):
        recipe = DiscoveryRecipe(candidate_novelty=0.0)                        # so small a model finds nothing novel
        return count_in_bank(proposed, "intent", recipe, run, lambda _done: None)[0].findings["in_bank"]

    alone = count(in_this_process)
    assert alone == count(two_workers.run)
    with read(proposed.engine) as session:
        assert list_proposals(session, "intent", ProposalState.PROPOSED)[0].findings["in_bank"] == alone
    assert alone["n_texts"] == sum(alone["days"].values()) and 55 <= alone["n_texts"] <= 65
    assert 35 <= alone["days"]["2026-01-01"] <= 45 and set(alone["days"]) == {"2026-01-01", "2026-01-02"}
