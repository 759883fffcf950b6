"""Which execution provider runs here: TensorRT before CUDA before CPU, and why a better one does not."""

import ctypes
import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import onnxruntime
from onnx import TensorProto, helper

from serving.errors import NoProvider

NAMES = {"tensorrt": "TensorrtExecutionProvider", "cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
_LIBRARIES = {"tensorrt": "libonnxruntime_providers_tensorrt.so", "cuda": "libonnxruntime_providers_cuda.so"}


@dataclass(frozen=True)
class ProviderChoice:
    """The provider that runs, in the form ONNX Runtime takes, and one reason for each better one that does not."""

    name: str
    providers: list[str]
    reasons: list[str] = field(default_factory=list)


def choose_providers(preferred: Sequence[str] = ("tensorrt", "cuda", "cpu")) -> ProviderChoice:
    """Return the first of `preferred` that really opens a session here; raises NoProvider if none does."""
    reasons: list[str] = []
    for name in preferred:
        if name not in NAMES:
            raise NoProvider(f"there is no execution provider {name!r}", f"choose among {', '.join(NAMES)}")
        reason = why_not(name)
        if reason is None:
            return ProviderChoice(name, list(dict.fromkeys([NAMES[name], NAMES["cpu"]])), reasons)
        reasons.append(f"{name}: {reason}")
    raise NoProvider(f"no execution provider runs here: {'; '.join(reasons)}", "add cpu to the preferred ones")


@lru_cache
def why_not(name: str) -> str | None:
    """Say why a provider cannot run here; None if it opens a session."""
    if NAMES[name] not in onnxruntime.get_available_providers():
        return "this build of ONNX Runtime does not have it"
    if name in _LIBRARIES and (missing := _library_error(_LIBRARIES[name])):
        return missing
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4                # ONNX Runtime's own words come back in the exception
        session = onnxruntime.InferenceSession(_probe(), options, providers=[NAMES[name]])
        session.run(None, {"x": [1.0]})
    except Exception as error:                        # whatever the driver says is the reason
        return str(error).splitlines()[0][:300]
    if session.get_providers()[0] != NAMES[name]:
        return "no device takes it"
    return None


def _library_error(library: str) -> str | None:
    """Load a provider's library as ONNX Runtime will; its linker error names what is missing."""
    with redirect_stdout(io.StringIO()):              # the reason comes below, in one line
        onnxruntime.preload_dlls()                    # CUDA from pip's nvidia packages, if they are there
    path = Path(onnxruntime.__file__).parent / "capi" / library
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _probe() -> bytes:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "probe", value[:1], value[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
