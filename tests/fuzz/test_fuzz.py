"""A short fuzz of each reader finds nothing, and one of a reader that breaks its promise finds it."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("atheris", reason="atheris has no build for this platform")

from tests.fuzz import decoder

RUNS = {"decoder": 1_500, "bundles": 1_500}


def fuzz(target, folder, *more):
    return subprocess.run([sys.executable, "-m", "tests.fuzz", target, "--folder", str(folder), *more], check=False,
                          capture_output=True, text=True, timeout=240, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("target", RUNS)
def test_nothing_that_is_made_up_breaks_a_reader(target, tmp_path):
    told = fuzz(target, tmp_path, "--runs", str(RUNS[target]), "--seed", "20261125")
    assert told.returncode == 0, told.stderr[-3_000:]
    assert f"Done {RUNS[target]} runs" in told.stderr


def test_a_reader_that_loses_a_message_is_caught(monkeypatch):
    whole = decoder.decode
    decoder.check(decoder.SEEDS[0])
    monkeypatch.setattr(decoder, "decode", lambda *given: replace(whole(*given), events=[], offsets=[]))
    with pytest.raises(AssertionError):
        decoder.check(decoder.SEEDS[0])
