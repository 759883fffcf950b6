"""Makes a candidate: encoder, vectors, head, bundle; then its measurements and the gate's decision."""

from dataclasses import dataclass, replace

import numpy as np

from registry.artifacts.bundle import load_bundle
from registry.lifecycle.stages import name_of
from registry.tables import ModelVersion
from serving.predictor import Predictor
from trainer.advice import advice_for
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.errors import NotTrainable
from trainer.evaluation import Answers, Evaluation, evaluate, latency_of
from trainer.export.bundle import CPU, Exported, Lineage, export, identity_of
from trainer.gate.decide import GateDecision, Opponent, decide
from trainer.gate.flips import changes
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head
from trainer.learning.interpolation import interpolated
from trainer.learning.label_names import name_evidence, spoken
from trainer.learning.learn import Learned, learn
from trainer.learning.selection import select
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace


@dataclass(frozen=True)
class Judged:
    """What the gate set says of a candidate."""

    evaluation: Evaluation | None
    decision: GateDecision


def make(workplace: Workplace, materials: Materials, champion: ModelVersion | None, recipe: Recipe,
         report: Report) -> tuple[Exported, Learned]:
    """Learn and export; raises NotTrainable before any work if the labels teach nothing."""
    check_trainable(materials)
    train = materials.train
    encoder = open_encoder(recipe, train.texts + materials.traffic, workplace.cache,
                           lambda done: report("encoder", done))
    embedder = Embedder(encoder, body_of(encoder, workplace.cache), EmbeddingCache(workplace.cache, encoder.digest),
                        workplace.threads)
    learned = _learn(workplace, embedder, materials, recipe, report)
    if champion is not None and recipe.head.champion_share > 0:
        learned = replace(learned, head=_with_share_of(champion, learned.head, embedder, workplace, materials, recipe))
    report("export", 0.0)
    lineage = Lineage(task=materials.task, label_space=materials.label_space, labels=materials.labels, recipe=recipe,
                      bank_version=materials.bank_version, code_revision=workplace.code_revision,
                      created_at=workplace.now())
    exported = export(embedder, learned.head, lineage, train.texts, workplace.store, workplace.cache,
                      workplace.threads)
    return exported, learned


def judge(workplace: Workplace, materials: Materials, exported: Exported, champion: ModelVersion | None,
          recipe: Recipe, report: Report) -> Judged:
    """Measure the candidate on the gate set, against the champion if there is one, and decide."""
    report("evaluation", 0.0)
    gate = materials.gate
    answers = Answers(exported.predictor.probs(gate.texts)[0], gate.classes)
    evaluation = _evaluation(answers, exported, materials, recipe) if gate.texts else None
    report("gate", 0.0)
    opponent = _opponent(workplace, champion, answers, materials) if champion is not None and gate.texts else None
    decision = decide(materials.task, answers, evaluation, materials.labels, opponent, recipe.gate, recipe.seed)
    if opponent is not None:
        told = changes(opponent, exported.predictor, gate.texts, materials.traffic, materials.labels, recipe.seed)
        decision = replace(decision, against=told)
    return Judged(evaluation, decision)


def check_trainable(materials: Materials) -> None:
    n_classes = len(np.unique(materials.train.classes))
    if n_classes < 2:
        raise NotTrainable(
            f"task {materials.task} has train labels of {n_classes} classes, at least 2 are needed",
            f"import some: `hypermatch labels import FILE --task {materials.task} --part train`")


def _learn(workplace: Workplace, embedder: Embedder, materials: Materials, recipe: Recipe, report: Report) -> Learned:
    n_train, texts = len(materials.train.texts), materials.train.texts + materials.traffic
    vectors = embedder.embed(texts, lambda done: report("embedding", done))
    names = embedder.embed([spoken(label) for label in materials.labels])
    advice, told = advice_for(workplace, materials, embedder, recipe, report)
    report("learning", 0.0)
    labeled = Labeled(vectors[:n_train], materials.train.classes, len(materials.labels))
    foreign = _selected(embedder, materials, labeled, names, recipe, report)
    traffic = Unlabeled(np.concatenate([vectors[n_train:], foreign]))
    learned = learn(labeled, traffic, names, recipe.head, recipe.in_domain, recipe.seed, advice)
    told["foreign"] = {"pool": len(materials.foreign), "selected": len(foreign)}
    evidence = learned.choice.evidence | told
    return replace(learned, choice=replace(learned.choice, evidence=evidence))


def _selected(embedder: Embedder, materials: Materials, labeled: Labeled, names: np.ndarray, recipe: Recipe,
              report: Report) -> np.ndarray:
    """Return the vectors of the foreign texts that are nearest to the task, (n, d)."""
    if not materials.foreign:
        return np.empty((0, labeled.vectors.shape[1]), np.float32)
    pool = embedder.embed(materials.foreign, lambda done: report("embedding", done))
    spoken_names = names if name_evidence(names, labeled).is_convincing else None
    return pool[select(labeled, spoken_names, pool, recipe.out_of_domain, recipe.seed).rows]


def _with_share_of(champion: ModelVersion, head: Head, embedder: Embedder, workplace: Workplace, materials: Materials,
                   recipe: Recipe) -> Head:
    return interpolated(head, materials.labels, identity_of(embedder.encoder),
                        load_bundle(workplace.store, champion.digest), recipe.head.champion_share)


def _evaluation(answers: Answers, exported: Exported, materials: Materials, recipe: Recipe) -> Evaluation:
    return evaluate(answers, materials.labels, latency_of(exported.predictor, materials.gate.texts[:32]),
                    exported.size_bytes, confidence=recipe.gate.confidence, n_resamples=recipe.gate.n_resamples,
                    seed=recipe.seed)


def _opponent(workplace: Workplace, champion: ModelVersion, answers: Answers, materials: Materials) -> Opponent | None:
    """Ask the champion the gate texts whose label it knows; None if its label space shares none of them."""
    bundle = load_bundle(workplace.store, champion.digest)
    known = {label: number for number, label in enumerate(bundle.labels)}
    rows = np.array([row for row, number in enumerate(materials.gate.classes) if materials.labels[number] in known],
                    dtype=np.int64)
    if not len(rows):
        return None
    texts = [materials.gate.texts[row] for row in rows]
    predictor = Predictor.load(bundle, CPU, workplace.threads)
    probs, _ = predictor.probs(texts)
    classes = np.array([known[materials.labels[number]] for number in materials.gate.classes[rows]])
    return Opponent(name_of(champion), bundle.labels, Answers(probs, classes),
                    Answers(answers.probs[rows], answers.classes[rows]),
                    latency_of(predictor, materials.gate.texts[:32]), len(bundle.model) + len(bundle.features),
                    rows, lambda more: predictor.probs(more)[0])
