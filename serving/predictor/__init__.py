"""What computes an answer, for the server and for the trainer's proof alike: texts to probabilities on ONNX Runtime."""

from serving.errors import GoldenMismatch, UnfitBundle
from serving.predictor.ngrams import NgramConfig, NgramFeatures
from serving.predictor.predictor import Predictor
from serving.predictor.providers import ProviderChoice, choose_providers
from serving.predictor.tokens import TokenFeatures

__all__ = ["GoldenMismatch", "NgramConfig", "NgramFeatures", "Predictor", "ProviderChoice", "TokenFeatures",
           "UnfitBundle", "choose_providers"]
