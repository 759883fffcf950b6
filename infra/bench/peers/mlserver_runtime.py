"""MLServer: a runtime with adaptive batching, one inference worker per core."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from infra.bench.peers.plain import PlainModel


class Runtime(MLModel):
    """Answers texts in the Open Inference Protocol; MLServer joins the requests that wait."""

    async def load(self) -> bool:
        self.model = PlainModel.of_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        answers = self.model.answers(StringCodec.decode_input(payload.inputs[0]))
        confidences = np.array([each["confidence"] for each in answers])
        return InferenceResponse(model_name=self.name, outputs=[
            StringCodec.encode_output("label", [each["label"] for each in answers]),
            NumpyCodec.encode_output("confidence", confidences[:, None])])
