"""Evidently's drift presets with their defaults on the same windows, to compare false alarms and power with."""

import warnings

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from trainer.drift.observed import Observed


def evidently_alarms(reference: Observed, window: Observed) -> dict[str, bool]:
    """Return whether any column drifts, and whether half of them do, by Evidently's defaults."""
    definition = DataDefinition(numerical_columns=["confidence", "novelty", "length"], categorical_columns=["label"],
                                text_columns=["text"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (Dataset.from_pandas(_frame(each), data_definition=definition) for each in (window, reference))
        found = Report([DataDriftPreset()]).run(one, other).dict()["metrics"]
    drifted = next(metric["value"] for metric in found if metric["metric_name"].startswith("DriftedColumnsCount"))
    return {"any column": drifted["count"] > 0, "data set": drifted["share"] >= 0.5}


def _frame(observed: Observed) -> pd.DataFrame:
    return pd.DataFrame({"text": observed.texts, "confidence": observed.probs.max(axis=1),
                         "novelty": observed.novelty, "length": np.array([len(text) for text in observed.texts]),
                         "label": observed.probs.argmax(axis=1).astype(str)})
