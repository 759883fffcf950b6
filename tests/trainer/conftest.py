"""Small real tasks, a workplace around them, and a tiny random transformer."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.bank import DataBank
from registry.database import write
from registry.labels import import_labels
from registry.tables import Part
from registry.tasks import create_task
from trainer.recipe import Recipe, recipe_of
from trainer.workplace import Workplace

LABELS = ["card_arrival", "exchange_rate", "lost_or_stolen_card", "terminate_account"]
TINY_SUBWORD = {"dimensions": 32, "n_buckets": 4_096, "n_max": 3, "epochs": 1, "batch_rows": 32}


@pytest.fixture(scope="session")
def banking() -> dict[str, list[str]]:
    """The texts of four BANKING77 labels, by label."""
    table = pq.read_table(Path(__file__).parents[2] / "infra/demo/banking77.parquet").to_pylist()
    return {label: [row["text"] for row in table if row["label"] == label] for label in LABELS}


@pytest.fixture
def recipe() -> Recipe:
    return recipe_of({"encoder": "subword", "subword": TINY_SUBWORD, "export": {"n_golden": 4}})


@pytest.fixture
def workplace(engine, store, tmp_path) -> Workplace:
    return Workplace(engine=engine, store=store, bank=DataBank(str(tmp_path / "bank")), cache=tmp_path / "cache",
                     worker="trainer@test:1", code_revision="test", now=lambda: datetime.now(UTC),
                     lease=timedelta(seconds=30), threads=1)


@pytest.fixture
def task(workplace, banking) -> str:
    """A task with 10 train and 15 gate labels per class."""
    fill(workplace.engine, banking)
    return "intent"


def fill(engine, banking, n_train: int = 10, n_gate: int = 15) -> None:
    def rows(start, stop):
        return [(text, label) for label, texts in banking.items() for text in texts[start:stop]]

    now = datetime.now(UTC)
    with write(engine) as session:
        create_task(session, "intent", LABELS, actor="ann", now=now)
        import_labels(session, "intent", rows(0, n_train), part=Part.TRAIN, actor="ann", origin="test", now=now)
        import_labels(session, "intent", rows(n_train, n_train + n_gate), part=Part.GATE, actor="ann", origin="test",
                      now=now)


@pytest.fixture(scope="session")
def tiny_transformer(tmp_path_factory) -> Path:
    """A random BERT of two layers with a WordPiece tokenizer, saved as the hub would have it."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                         intermediate_size=32, max_position_embeddings=64)).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 16
    return folder
