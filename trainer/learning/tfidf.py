"""What needs no encoder and no bank: character n-grams and logistic regression, the baseline to be above."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

N_GRAMS = (2, 4)
MAX_FEATURES = 200_000
STRENGTH = 10.0


def answers_of_tfidf(labeled: Sequence[str], classes: np.ndarray, n_classes: int, bank: Sequence[str],
                     asked: Sequence[str]) -> np.ndarray:
    """Return probabilities (n, C) for `asked`; the n-grams are weighed by the bank too, as encoders may read it."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=N_GRAMS, max_features=MAX_FEATURES)
    vectorizer.fit([*labeled, *bank])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")         # one label per class is no mistake
        model = LogisticRegression(C=STRENGTH, max_iter=1_000).fit(vectorizer.transform(labeled), classes)
    probs = np.zeros((len(asked), n_classes))
    probs[:, model.classes_] = model.predict_proba(vectorizer.transform(asked))
    return probs
