"""Makes a candidate: encoder, vectors, head, bundle; then its measurements and the gate's decision."""

from dataclasses import dataclass, replace

import numpy as np

from registry.artifacts.bundle import load_bundle
from registry.lifecycle.stages import name_of
from registry.tables import ModelVersion
from serving.predictor import Predictor
from trainer.advice import advice_for
from trainer.augmentation.for_run import views_for
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.errors import NotTrainable
from trainer.evaluation import Answers, Evaluation, evaluate, latency_of
from trainer.export.bundle import CPU, Exported, Lineage, export, identity_of
from trainer.fine_tuning.devices import n_gpus
from trainer.fine_tuning.engine import Workshop, fine_tune, why_not
from trainer.fine_tuning.rounds import Sight, Subject
from trainer.gate.decide import GateDecision, Opponent, decide
from trainer.gate.flips import changes
from trainer.language_model.at_hand import LanguageModel
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head
from trainer.learning.interpolation import interpolated
from trainer.learning.label_names import name_evidence, spoken
from trainer.learning.learn import Learned, learn
from trainer.learning.novelty import Novelty, learn_novelty
from trainer.learning.selection import select
from trainer.learning.zero_data import learn_from_names, say_something
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace

MAX_SEEN = 5_000                                      # texts of the traffic, of which the share that is novel is read


@dataclass(frozen=True)
class Judged:
    """What the gate set says of a candidate."""

    evaluation: Evaluation | None
    decision: GateDecision


def make(workplace: Workplace, materials: Materials, champion: ModelVersion | None, recipe: Recipe,
         report: Report, model: LanguageModel | None = None) -> tuple[Exported, Learned]:
    """Learn and export; raises NotTrainable before any work if neither labels nor, without any, their names teach."""
    if materials.train.texts:
        check_trainable(materials)
    else:
        check_can_begin(materials)
    train = materials.train
    encoder = open_encoder(recipe, train.texts + materials.traffic, workplace.cache,
                           lambda done: report("encoder", done))
    embedder, learned = _learn(workplace, Embedder.of(encoder, workplace.cache, workplace.threads), materials,
                               recipe, report, model)
    if champion is not None and recipe.head.champion_share > 0:
        learned = replace(learned, head=_with_share_of(champion, learned.head, embedder, workplace, materials, recipe))
    report("export", 0.0)
    lineage = Lineage(task=materials.task, label_space=materials.label_space, labels=materials.labels, recipe=recipe,
                      bank_version=materials.bank_version, code_revision=workplace.code_revision,
                      created_at=workplace.now())
    golden = train.texts or [spoken(label) for label in materials.labels]    # texts of the bank never leave it
    exported = export(embedder, learned.head, lineage, golden, workplace.store, workplace.cache, workplace.threads,
                      learned.novelty)
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


def check_can_begin(materials: Materials) -> None:
    """Refuse a start without human labels where the label names are no words."""
    if not say_something(materials.labels):
        raise NotTrainable(
            f"task {materials.task} has no train labels, and the names of its labels are no words to begin from",
            f"import some: `hypermatch labels import FILE --task {materials.task} --part train`")


def _learn(workplace: Workplace, embedder: Embedder, materials: Materials, recipe: Recipe, report: Report,
           model: LanguageModel | None) -> tuple[Embedder, Learned]:
    """Learn on the vectors of the encoder as it is, then tune it if the recipe and the labels are for it."""
    n_train, texts = len(materials.train.texts), materials.train.texts + materials.traffic
    vectors = embedder.embed(texts, lambda done: report("embedding", done))
    spoken_labels = [spoken(label) for label in materials.labels]
    names = embedder.embed(spoken_labels)
    labeled = Labeled(vectors[:n_train], materials.train.classes, len(materials.labels))
    views, told = views_for(model, materials, labeled, embedder, recipe, report)
    advice, told_of_advice = advice_for(model, materials, labeled, embedder, recipe, report)
    report("learning", 0.0)
    speaks = n_train > 0 and name_evidence(names, labeled).is_convincing
    foreign = _selected(embedder, materials, labeled, names, speaks, recipe, report)
    if foreign:
        recipe = replace(recipe, in_domain=recipe.out_of_domain.taught_with(recipe.in_domain))
    sight = Sight(np.concatenate([vectors, embedder.embed(foreign)]), names)
    unlabeled = Unlabeled(sight.texts[n_train:])
    told |= told_of_advice | {"foreign": {"pool": len(materials.foreign), "selected": len(foreign)}}
    learned = _learn_head(labeled, unlabeled, names, advice, views, recipe)
    if left_out := why_not(recipe, n_train, len(unlabeled.vectors), n_gpus()):
        told["fine_tuning"] = {"left_out": left_out}
    else:
        subject = Subject(materials.train.texts, materials.train.classes, materials.traffic + foreign, spoken_labels,
                          speaks)
        embedder, learned = _tuned(workplace, embedder, subject, sight, learned, recipe, report)
    learned = replace(learned, choice=replace(learned.choice, evidence=learned.choice.evidence | told),
                      novelty=_novelty(embedder, materials, labeled, recipe))
    return embedder, learned


def _novelty(embedder: Embedder, materials: Materials, labeled: Labeled, recipe: Recipe) -> Novelty | None:
    """Calibrate novelty on labels as a tuned encoder sees them, and look at some of the traffic with it."""
    known = replace(labeled, vectors=embedder.embed(materials.train.texts))
    novelty = learn_novelty(known, recipe.novelty, recipe.seed)
    return None if novelty is None else novelty.seeing(embedder.embed(materials.traffic[:MAX_SEEN]), recipe.novelty)


def _learn_head(labeled: Labeled, unlabeled: Unlabeled, names: np.ndarray, advice: Advice | None,
                views: Advice | None, recipe: Recipe) -> Learned:
    """Learn from labels and the bank, or, where there is no label, from the label names and the bank."""
    if len(labeled):
        return learn(labeled, unlabeled, names, recipe.head, recipe.in_domain, recipe.seed, advice, views)
    both = views.joined(advice) if views and advice else views or advice
    return learn_from_names(names, unlabeled.vectors, recipe.head, recipe.in_domain, recipe.seed, both)


def _tuned(workplace: Workplace, embedder: Embedder, subject: Subject, sight: Sight, learned: Learned, recipe: Recipe,
           report: Report) -> tuple[Embedder, Learned]:
    shop = Workshop(embedder.encoder, workplace.cache, workplace.threads, report)
    encoder, learned = fine_tune(shop, sight, subject, learned, recipe)
    if encoder is not embedder.encoder:
        embedder = Embedder.of(encoder, workplace.cache, workplace.threads)
    return embedder, learned


def _selected(embedder: Embedder, materials: Materials, labeled: Labeled, names: np.ndarray, speaks: bool,
              recipe: Recipe, report: Report) -> list[str]:
    """Return the foreign texts that are nearest to the task."""
    if not materials.foreign:
        return []
    pool = embedder.embed(materials.foreign, lambda done: report("embedding", done))
    known, spoken_names = labeled, names if speaks else None
    if not len(labeled):                              # nothing but the names says what the task is about
        known, spoken_names = Labeled(names, np.arange(len(names)), len(names)), None
    rows = select(known, spoken_names, pool, recipe.out_of_domain, recipe.seed).rows
    return [materials.foreign[row] for row in rows]


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
                    latency_of(predictor, materials.gate.texts[:32]), bundle.size_bytes,
                    rows, lambda more: predictor.probs(more)[0])
