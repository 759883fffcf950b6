"""`hypermatch embed`: the whole bank from the command line, and what it says of what is lacking."""

import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from click.testing import CliRunner

from infra.cli import cli
from ingest.bank import DataBank
from ingest.schema import SCHEMA
from registry.database import write
from registry.tasks import create_task
from registry.text import text_hash
from tests.trainer.conftest import tiny_transformer  # noqa: F401
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.transformer import from_folder
from trainer.recipe import Recipe

TEXTS = ["where is my card", "my card is lost", "what is the rate", "close my account"]


@pytest.fixture
def embed(engine, registry_url, monkeypatch, tmp_path):
    """The command line, on a bank of four texts."""
    monkeypatch.setenv("HYPERMATCH_REGISTRY_URL", registry_url)
    monkeypatch.setenv("HYPERMATCH_REGISTRY_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("HYPERMATCH_INGEST_BANK", str(tmp_path / "bank"))
    monkeypatch.setenv("HYPERMATCH_TRAINER_CACHE", str(tmp_path / "cache"))
    now = datetime.now(UTC)
    with write(engine) as session:
        create_task(session, "intents", ["refund", "greeting"], actor="ada", now=now)
    row = dict.fromkeys(SCHEMA.names) | {"task": "intents", "source": "app", "at": now, "banked_at": now,
                                         "kind": "text", "topic": "texts", "partition": 0, "day": now.date()}
    rows = [row | {"id": str(index), "text": text, "text_hash": text_hash(text), "offset": index}
            for index, text in enumerate(TEXTS)]
    DataBank(str(tmp_path / "bank")).append(pa.Table.from_pylist(rows, schema=SCHEMA), offsets={})
    return lambda *arguments: CliRunner().invoke(cli, ["embed", *arguments], standalone_mode=False)


def test_a_bank_is_embedded_once_without_ray(embed, tiny_transformer, tmp_path):  # noqa: F811
    done = [embed("--task", "intents", "--encoder", f"hf:{tiny_transformer}") for _ in range(2)]
    assert "4 of 4 texts of bank version 1 embedded, 0 were known;" in done[0].output, done[0].exception
    assert "0 of 4 texts of bank version 1 embedded, 4 were known;" in done[1].output, done[1].exception
    digest = from_folder("tiny", tiny_transformer, Recipe().max_tokens).digest
    assert len(EmbeddingCache(tmp_path / "cache", digest)) == 4


@pytest.mark.parametrize(("arguments", "says"), [
    ((), "give --task, --encoder, or both"),
    (("--task", "nothing"), "no text of task nothing"),
    (("--encoder", "subword"), "give --task alone"),
    (("--task", "intents", "--encoder", "hf:TINY", "--workers", "2"), "--workers goes with --ray"),
    (("--task", "intents", "--encoder", "hf:TINY", "--ray"), "pip install 'hypermatch[ray]'"),
])
def test_what_is_lacking_is_one_line_that_says_how_to_mend_it(embed, tiny_transformer, monkeypatch,  # noqa: F811
                                                               arguments, says):
    monkeypatch.delitem(sys.modules, "trainer.whole_bank.on_ray", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)     # as if it were not installed
    found = embed(*(each.replace("TINY", str(tiny_transformer)) for each in arguments))
    assert found.exception is not None and says in str(found.exception), found.exception
    assert "\n" not in str(found.exception)
