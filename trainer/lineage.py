"""Names the code that trained a model: the git revision of a checkout, else the package's version."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def code_revision() -> str:
    """Return `git:<revision>` (with `+changes` where files differ from it), or `hypermatch <version>`."""
    if (ROOT / ".git").exists():
        revision = _git("rev-parse", "HEAD")
        if revision:
            return f"git:{revision}{'+changes' if _git('status', '--porcelain', '-uno') else ''}"
    try:
        return f"hypermatch {version('hypermatch')}"
    except PackageNotFoundError:
        return "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=10,
                              check=False)
    except (OSError, subprocess.TimeoutExpired):      # no git here, or a checkout on a dead disk
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
