"""What clients send and get: HyperMatch's own form and the Open Inference Protocol; no HTTP in here."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from serving.batcher import Answer
from serving.errors import Malformed, OtherLabelSpace, TooLarge, Unprocessable
from serving.slot import Loaded

N_TOP = 3
DECIMALS = 6


class PredictRequest(msgspec.Struct):
    """The body of POST /v1/tasks/{task}/predict."""

    texts: list[str]
    label_space: int | None = None
    is_banked: bool = True


class InferInput(msgspec.Struct):
    """One input tensor of the Open Inference Protocol."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferParameters(msgspec.Struct):
    """What a client asks of an Open Inference answer; other parameters are of no concern to us."""

    label_space: int | None = None
    is_banked: bool = True


class InferRequest(msgspec.Struct):
    """The body of POST /v2/models/{task}/infer."""

    inputs: list[InferInput]
    id: str = ""
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)


class Wishes(msgspec.Struct, frozen=True):
    """What a client asks of an answer besides its texts: a label space it knows, and that nothing be kept of them."""

    label_space: int | None = None
    is_banked: bool = True


class Limits(msgspec.Struct, frozen=True):
    """What a request may hold."""

    max_texts: int
    max_text_chars: int


_predict = msgspec.json.Decoder(PredictRequest)
_infer = msgspec.json.Decoder(InferRequest)


def read_predict(body: bytes, limits: Limits) -> tuple[list[str], Wishes]:
    """Return the texts of a request and what it asks besides; raises Malformed, Unprocessable or TooLarge."""
    request = _decoded(_predict, body)
    return _checked(request.texts, limits), Wishes(request.label_space, request.is_banked)


def read_infer(body: bytes, limits: Limits) -> tuple[str, list[str], Wishes]:
    """Return id, texts and wishes of an Open Inference request: one BYTES tensor, (n) or (n, 1)."""
    request = _decoded(_infer, body)
    if len(request.inputs) != 1:
        raise Unprocessable(f"a request has one input, the texts, not {len(request.inputs)}")
    tensor = request.inputs[0]
    if tensor.datatype != "BYTES":
        raise Unprocessable(f"input {tensor.name[:80]!r} is {tensor.datatype[:20]}, texts are BYTES")
    texts = [text for row in tensor.data for text in (row if isinstance(row, list) else [row])]
    if tensor.shape not in ([len(texts)], [len(texts), 1]) or not all(isinstance(text, str) for text in texts):
        raise Unprocessable(f"input {tensor.name[:80]!r}: the shape is {tensor.shape[:4]}, the data are "
                            f"{len(texts)} elements; texts are strings in shape [n] or [n, 1]")
    wishes = Wishes(request.parameters.label_space, request.parameters.is_banked)
    return request.id, _checked(texts, limits), wishes


def pinned(by: Loaded, label_space: int | None) -> list[int] | None:
    """Return the columns of the pinned label space among those of `by`, None for all; raises OtherLabelSpace.

    A client that knows an earlier label space gets its likeliest label with the probability
    it has among all classes: a text of a class the client does not know is answered with
    little confidence, not with a certainty that nobody has.
    """
    if label_space is None or label_space == by.label_space:
        return None
    wanted = by.earlier_labels.get(label_space)
    if wanted is None:
        raise OtherLabelSpace(f"label space {label_space} is not answered here, version {by.version_number} answers "
                              f"{by.label_space} and what it grew from")
    columns = {label: column for column, label in enumerate(by.predictor.labels)}
    if gone := [label for label in wanted if label not in columns]:
        raise OtherLabelSpace(f"label space {label_space} has the label {gone[0]!r}, which version "
                              f"{by.version_number} does not answer any more")
    return [columns[label] for label in wanted]


def predictions(answer: Answer, told: list[dict[str, Any]], label_space: int | None = None) -> dict[str, Any]:
    """Return the answer, `told` by `rows`, in HyperMatch's own form; `label_space` if the client pinned one."""
    return {"model_version": answer.by.version_number, "label_space": label_space or answer.by.label_space,
            "predictions": told}


def rows(answer: Answer, columns: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Return one prediction per text: label, confidence, novelty and the likeliest labels, of `columns` alone if given.

    `is_novel` is there where the model has a threshold for it.
    """
    predictor = answer.by.predictor
    labels = predictor.labels if columns is None else [predictor.labels[column] for column in columns]
    probs = answer.probs if columns is None else answer.probs[:, columns]
    top = likeliest(probs, N_TOP)
    confidences = np.take_along_axis(probs, top, axis=1).astype(np.float64).round(DECIMALS).tolist()
    novelty = answer.novelty.astype(np.float64).round(DECIMALS).tolist()
    threshold = predictor.novel_at
    return [
        {"label": labels[best[0]], "confidence": sure[0], "novelty": new,
         **({} if threshold is None else {"is_novel": new >= threshold}),
         "top": [{"label": labels[index], "confidence": share} for index, share in zip(best, sure, strict=True)]}
        for best, sure, new in zip(top.tolist(), confidences, novelty, strict=True)
    ]


def likeliest(probs: np.ndarray, n: int) -> np.ndarray:
    """Return the columns of the `n` largest of each row, largest first and the first of equals; (rows, <= n).

    Looking `n` times takes a twentieth of the time that sorting 77 labels does.
    """
    left, rows = probs.copy(), np.arange(len(probs))
    top = np.empty((len(probs), min(n, probs.shape[1])), dtype=np.intp)
    for place in range(top.shape[1]):
        top[:, place] = left.argmax(axis=1)
        left[rows, top[:, place]] = -np.inf
    return top


def inference(task: str, request_id: str, answer: Answer, told: list[dict[str, Any]],
              label_space: int | None = None) -> dict[str, Any]:
    """Return the answer, `told` by `rows`, as Open Inference tensors."""
    version = str(answer.by.version_number)
    outputs = [_tensor("label", "BYTES", [row["label"] for row in told]),
               _tensor("confidence", "FP32", [row["confidence"] for row in told]),
               _tensor("novelty", "FP32", [row["novelty"] for row in told])]
    return {"model_name": task, "model_version": version, "id": request_id, "outputs": outputs,
            "parameters": {"label_space": label_space or answer.by.label_space}}


def metadata(task: str, version: int, label_space: int, labels: Sequence[str]) -> dict[str, Any]:
    """Describe a task as an Open Inference model."""
    outputs = [{"name": name, "datatype": kind, "shape": [-1]}
               for name, kind in (("label", "BYTES"), ("confidence", "FP32"), ("novelty", "FP32"))]
    return {"name": task, "versions": [str(version)], "platform": "onnxruntime",
            "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}], "outputs": outputs,
            "parameters": {"label_space": label_space, "labels": list(labels)}}


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Unprocessable(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON in UTF-8: {error}") from None


def _checked(texts: list[str], limits: Limits) -> list[str]:
    if not 1 <= len(texts) <= limits.max_texts:
        raise Unprocessable(f"a request holds 1 to {limits.max_texts} texts, not {len(texts)}")
    for index, text in enumerate(texts):
        if len(text) > limits.max_text_chars:
            raise TooLarge(f"text {index} has {len(text)} characters, {limits.max_text_chars} are allowed")
        if not text.strip():
            raise Unprocessable(f"text {index} is empty")
    return texts


def _tensor(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}
