"""`python -m tests.fuzz decoder|bundles`: feed one reader inputs that atheris makes up, led by what they reach.

Ends with an error at the first input that breaks a promise, and writes it beside the corpus. Native code below
us (Arrow, msgspec, tokenizers, ONNX Runtime) runs but does not lead: it is not built for that.
"""

import argparse
import importlib
import sys
from pathlib import Path

import atheris

OURS = ["ingest", "registry", "serving"]
TARGETS = ("decoder", "bundles")
LONGEST_SECONDS = 30                                  # of one input
MAX_MIB = 6_000


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    asked.add_argument("target", choices=TARGETS)
    asked.add_argument("--minutes", type=float, default=0.0, help="How long; as many runs as given if 0.")
    asked.add_argument("--runs", type=int, default=-1, help="How many inputs; no bound if negative.")
    asked.add_argument("--seed", type=int, default=1, help="Two runs with one seed and empty folders are alike.")
    asked.add_argument("--folder", type=Path, required=True, help="Keeps the corpus between runs.")
    given = asked.parse_args()
    with atheris.instrument_imports(include=OURS):
        target = importlib.import_module(f"tests.fuzz.{given.target}")
    corpus = laid_out(given.folder / given.target, target.SEEDS, target.WORDS)
    longest = max(4_096, *(2 * len(seed) for seed in target.SEEDS))
    atheris.Setup([sys.argv[0], str(corpus / "corpus"), f"-dict={corpus}/words", f"-seed={given.seed}",
                   f"-runs={given.runs}", f"-max_total_time={round(given.minutes * 60)}", f"-max_len={longest}",
                   "-len_control=0", "-keep_seed=1", f"-timeout={LONGEST_SECONDS}", f"-rss_limit_mb={MAX_MIB}",
                   f"-artifact_prefix={corpus}/", "-print_final_stats=1"], target.check)
    atheris.Fuzz()


def laid_out(folder: Path, seeds: list[bytes], words: list[str]) -> Path:
    """Write the seeds into the corpus, and what is worth inserting into inputs as libFuzzer reads it."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)
    escaped = (word if word.startswith("\\x") else word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in escaped))
    return folder


if __name__ == "__main__":
    main()
