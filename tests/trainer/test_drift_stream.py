"""What drift reads of the bank: each file once, the same samples every time, and nothing that was forgotten."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from ingest.bank import DataBank
from tests.trainer.test_drift import bank_rows
from trainer.drift.counts import added, count
from trainer.drift.recipe import DriftRecipe
from trainer.drift.stream import distinct, read_stream
from trainer.drift.stretches import N_RUNS, RUN_TEXTS, STRETCH_TEXTS, Banked, Stretches, sampled
from trainer.drift.volume import EVERY, volumes

RECIPE = DriftRecipe(alpha=0.05, window_texts=100, min_reference_texts=200, reference_texts=400, block_texts=10,
                     n_permutations=199)


class CountingBank(DataBank):
    """A bank that remembers which files were read."""

    def __init__(self, url):
        super().__init__(url)
        self.read = []

    def read_file(self, path, task, columns):
        self.read.append(path)
        return super().read_file(path, task, columns)


@pytest.fixture
def bank(tmp_path):
    return CountingBank(str(tmp_path / "bank"))


def append(bank, n, start, now, task="intent", subject=None):
    rows = bank_rows([f"text {start + number} of {task}" for number in range(n)], start, now)
    at = rows.schema.get_field_index("task")
    rows = rows.set_column(at, "task", pa.array([task] * n, pa.string()))
    if subject:
        rows = rows.set_column(rows.schema.get_field_index("subject"), "subject", pa.array([subject] * n, pa.string()))
    return bank.append(rows, {("t", 0): start + n})


def test_a_file_is_read_once_ever_and_a_window_reads_only_what_came_since(bank, tmp_path, now):
    for number in range(12):
        append(bank, 50, 50 * number, now)
    trained_at = now + timedelta(seconds=399)         # of the eighth commit's last text
    first = read_stream(Stretches(bank, tmp_path, "intent"), bank.files(), trained_at, RECIPE)
    assert len(set(bank.read)) == len(bank.read) == 12
    append(bank, 50, 600, now)
    bank.read.clear()
    second = read_stream(Stretches(bank, tmp_path, "intent"), bank.files(), trained_at, RECIPE)

    assert len(bank.read) == 1
    assert [text.text for text in first.reference] == [f"text {number} of intent" for number in range(400)]
    assert first.reference == second.reference and first.past == []
    assert [text.text for text in second.window] == [f"text {number} of intent" for number in range(550, 650)]
    assert second.counts(second.reference).n_texts == 400


def test_a_commit_may_hold_other_tasks_and_more_texts_than_are_sampled(bank, tmp_path, now):
    append(bank, 30, 0, now, task="topics")
    append(bank, 2_500, 30, now)
    stretches = [each for file in bank.files() for each in Stretches(bank, tmp_path, "intent").of(file)]
    again = [each for file in bank.files() for each in Stretches(bank, tmp_path / "other", "intent").of(file)]

    assert [each.counts.n_texts for each in stretches] == [STRETCH_TEXTS, STRETCH_TEXTS, 500]
    assert [len(each.sample) for each in stretches] == [N_RUNS * RUN_TEXTS] * 3
    assert stretches == again                         # the sample is the file's, not the moment's
    assert not any("topics" in text.text for each in stretches for text in each.sample)


def test_samples_are_runs_of_neighbors():
    rows = sampled(10_000, "seed")
    assert len(rows) == N_RUNS * RUN_TEXTS and (np.diff(rows.reshape(N_RUNS, RUN_TEXTS)) == 1).all()
    assert sampled(10_000, "other").tolist() != rows.tolist() and sampled(70, "seed").tolist() == list(range(70))


def test_what_was_forgotten_is_not_kept_and_compaction_changes_no_look(bank, tmp_path, now):
    for number in range(4):
        append(bank, 50, 50 * number, now, subject="ann" if number == 1 else "bob")
    stretches = Stretches(bank, tmp_path, "intent")
    read_stream(stretches, bank.files(), None, RECIPE)
    bank.forget("ann")
    found = read_stream(stretches, bank.files(), None, RECIPE)
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json") if "stretches" in path.parts)
    bank.compact()
    compacted = read_stream(stretches, bank.files(), None, RECIPE)

    assert "text 49 of" in kept and "text 50 of" not in kept and "text 99 of" not in kept
    assert [text.text for text in compacted.reference] == [text.text for text in found.reference]
    assert len(list(tmp_path.glob("stretches/intent/*.json"))) == len(bank.files())


def test_a_text_counts_once_among_its_neighbors_and_again_far_from_them(now):
    texts = [Banked(name, name, "", now) for name in "abacadaeafag"]
    assert "".join(text.text for text in distinct(texts, reach=3)) == "abcadeafg"


def test_counts_of_parts_add_up_to_those_of_the_whole():
    texts = pa.array(["the card is lost", "카드 분실", "card card", "what 2 do", ""])
    sources = pa.array(["web", "app", "web", None, "web"])
    parts = [count(texts[:2], sources[:2]), count(texts[2:], sources[2:])]
    whole = count(texts, sources)

    assert added(parts) == whole
    assert whole.words["card"] == 2 and whole.scripts["hangul"] == 1 and whole.sources == {"web": 3, "app": 1, "": 1}
    assert whole.share("sources", "web") == pytest.approx(0.6)


def arrivals(now, rates, seed, hours=60):
    """Stretches of an hour each; `rates` are texts per hour by source, the last hour may have its own."""
    from trainer.drift.counts import Counts
    from trainer.drift.stretches import Stretch

    generator, found = np.random.default_rng(seed), []
    for hour in range(hours):
        n = {name: int(generator.poisson(last if hour == hours - 1 else usual))
             for name, (usual, last) in rates.items()}
        begun = now + timedelta(hours=hour)
        found.append(Stretch(begun, begun + timedelta(minutes=59, seconds=59), Counts(sum(n.values()), n), []))
    return found


def test_steady_sources_alarm_as_often_as_stated_and_a_silent_one_alarms(now):
    since = now + timedelta(hours=59)
    steady = {"web": (200, 200), "app": (40, 40)}
    alarms = [any(told["is_alarm"] for told in volumes(arrivals(now, steady, seed), since, 0.05).values())
              for seed in range(200)]
    silent = volumes(arrivals(now, {"web": (200, 200), "app": (40, 0)}, 1), since, 0.01)

    assert sum(alarms) <= 18                          # of 200 at 5 %: 10 expected, 19 or more have odds of 1 in 150
    assert silent["app"]["is_alarm"] and not silent["web"]["is_alarm"] and silent["app"]["now"] < 1
    assert EVERY in silent
    assert volumes(arrivals(now, steady, 1, hours=8), now + timedelta(hours=7), 0.05) == {}


def test_words_that_the_reference_never_held_are_told_and_rare_ones_beyond_the_kept_are_not():
    from trainer.drift.counts import N_WORDS, Counts
    from trainer.drift.explanation import moved_words

    common = {f"word{number}": 1_000 - number for number in range(N_WORDS)}
    before = Counts(10_000, words=common)
    now = Counts(1_000, words={"weather": 200, "tail": 55, "word1": 100})
    told = {moved.name: (moved.before, moved.now) for moved in moved_words(before, now, ["word1"])}

    assert told["weather"] == (round((1_000 - N_WORDS + 1) / 10_000, 4), 0.2)     # at most as common as the last kept
    assert "tail" not in told and "word1" not in told
    assert moved_words(Counts(), now, []) == []
