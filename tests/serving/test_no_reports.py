"""ONNX Runtime tells its makers nothing: it would keep an identity of the machine and send what sessions it opens."""

import os
import subprocess
import sys

import pytest

OPENING = """
from {module} import {name}
import onnxruntime
from onnx import TensorProto, helper
value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
"""


def kept_by(code: str, home) -> list[str]:
    """Run `code` as a process with a home of its own and return the files that it left there."""
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "HOME": str(home)})
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_it_would_by_itself(tmp_path):
    """Otherwise the tests below would prove nothing; once it does not, they may go."""
    assert "deviceid" in kept_by("import onnxruntime", tmp_path / "home")


@pytest.mark.parametrize(("module", "name"), [("serving.predictor", "choose_providers"), ("trainer", "__doc__"),
                                              ("infra", "__doc__")])
def test_no_part_of_ours_lets_it(module, name, tmp_path):
    assert kept_by(OPENING.format(module=module, name=name), tmp_path / "home") == []
