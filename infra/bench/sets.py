"""Measures every labeled data set of a folder, several at once; what is measured already is not measured again."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.bench.learning import encoder_for, labeled_frames, read_table
from registry.errors import HyperMatchError

ARMS = ("tfidf", "labels", "templates", "eda", "fixmatch", "softmatch", "ossl", "issl", "hypermatch")
KINDS = ("*.parquet", "*.csv")
SHARED_TEXTS = 0.01                                   # of a set's train texts; a set that has more is no foreign one


@dataclass(frozen=True)
class DataSet:
    """A set to measure, and the encoder that fits the script of its texts."""

    file: Path
    encoder: str
    train: frozenset[str]
    texts: frozenset[str]                             # of all splits, labeled or not


def sets_in(folder: Path, without: Sequence[str], say: Callable[[str], None]) -> list[DataSet]:
    """Return the sets in `folder` that can be measured, and say why others cannot."""
    found = []
    for file in sorted(each for kind in KINDS for each in folder.glob(kind)):
        try:
            found.append(_set_of(file, without))
        except HyperMatchError as error:
            say(f"{file.name} is passed over: {error}")
    if not found:
        raise HyperMatchError(f"{folder} holds no set to measure", "a set is a Parquet or CSV file with the columns "
                              "text, label and split, of which some rows are 'train' and some 'test' or 'valid'")
    return found


def _set_of(file: Path, without: Sequence[str]) -> DataSet:
    train, _, stand_in = labeled_frames(file, without)
    if stand_in is not None:
        raise HyperMatchError("models wrote its texts")
    if train["label"].nunique() < 2:
        raise HyperMatchError("its train split has fewer than two labels")
    return DataSet(file, encoder_for(file), frozenset(train["text"]), frozenset(read_table(file)["text"].astype(str)))


def foreign_to(own: DataSet, sets: Iterable[DataSet]) -> list[Path]:
    """Return the sets in the same script that share hardly a text with `own`: what could be selected from."""
    return [each.file for each in sets
            if each.file != own.file and each.encoder == own.encoder
            and len(own.train & each.texts) <= SHARED_TEXTS * len(own.train)]


@dataclass(frozen=True)
class Measuring:
    """How sets are measured: draws of the labels, labels left out, where figures go, and how many at once."""

    n_draws: int
    without: tuple[str, ...]
    folder: Path
    n_processes: int

    def run(self, sets: Sequence[DataSet], say: Callable[[str], None]) -> None:
        """Measure each set in a process of its own, the largest first; raises HyperMatchError if any fails."""
        self.folder.mkdir(parents=True, exist_ok=True)
        open_ones = [each for each in sets if not self._figures(each).exists()]
        if len(open_ones) < len(sets):
            say(f"{len(sets) - len(open_ones)} of {len(sets)} sets are measured already")
        open_ones.sort(key=lambda each: each.file.stat().st_size, reverse=True)
        with ThreadPoolExecutor(self.n_processes) as pool:
            codes = list(pool.map(lambda each: self._measure(each, foreign_to(each, sets), say), open_ones))
        if failed := [each.file.name for each, code in zip(open_ones, codes, strict=True) if code]:
            raise HyperMatchError(f"{', '.join(failed)} could not be measured", f"their logs are in {self.folder}; "
                                  "the same command goes on with what is left")

    def _measure(self, own: DataSet, foreign: Sequence[Path], say: Callable[[str], None]) -> int:
        arms = ARMS if foreign else [arm for arm in ARMS if arm != "ossl"]
        command = [sys.executable, "-m", "infra", "bench", "learning", "--data", str(own.file), "--draws",
                   str(self.n_draws), "--arms", ",".join(arms), "--json", str(self._figures(own))]
        command += [word for label in self.without for word in ("--without", label)]
        command += [word for file in foreign for word in ("--foreign", str(file))]
        threads = max((os.cpu_count() or 1) // self.n_processes, 1)
        environment = os.environ | {"HYPERMATCH_TRAINER_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        say(f"{own.file.name} has begun")
        with (self.folder / f"{own.file.stem}.log").open("w", encoding="utf-8") as log:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment,
                                  check=False).returncode
        say(f"{own.file.name} is measured" if code == 0 else f"{own.file.name} failed")
        return code

    def _figures(self, own: DataSet) -> Path:
        return self.folder / f"{own.file.stem}.json"
