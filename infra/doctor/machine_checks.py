"""What the doctor checks on the machine: packages, the folders' names, and where answers can be computed."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from infra.doctor.finding import Check, Ill

FOLDERS = ("ingest", "trainer", "serving", "registry", "infra")
NEEDED = ("kafka-python", "crc32c", "deltalake", "bentoml", "torch", "transformers", "evidently", "apscheduler",
          "sqlmodel")


def machine_checks() -> list[tuple[str, Check]]:
    return [("python", check_python), ("packages", check_packages), ("names", check_names),
            ("providers", check_providers)]


def check_python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}, in {sys.prefix}"


def check_packages() -> str:
    found = {name: _version(name) for name in NEEDED}
    if missing := [name for name, number in found.items() if number is None]:
        raise Ill(f"not installed: {', '.join(missing)}", "`pip install 'hypermatch[all]'`, unless this machine "
                  "runs only some of the parts")
    return ", ".join(f"{name} {number}" for name, number in found.items())


def check_names() -> str:
    """No other distribution brings a package with the name of one of our folders."""
    owners = packages_distributions()
    for folder in FOLDERS:
        if others := sorted(set(owners.get(folder, [])) - {"hypermatch"}):
            raise Ill(f"package {folder!r} also belongs to {others[0]}", f"`pip uninstall {others[0]}`")
    return f"{', '.join(FOLDERS)} are ours alone"


def check_providers() -> str:
    import onnxruntime

    return f"ONNX Runtime {onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
