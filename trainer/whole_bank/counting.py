"""Counts the bank's texts of each proposed class by day: a discovery looks at a sample, this at every text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from registry.artifacts.bundle import Bundle, load_bundle
from registry.database import read, write
from registry.labels import labeled_texts
from registry.proposals import list_proposals
from registry.tables import ClassProposal, Part, ProposalState
from registry.text import normalize
from serving.predictor import Predictor
from trainer.discovery.metric import unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.drift.answers import OUTPUTS, SHARED, computed, hashes_of
from trainer.drift.tick import champion_to_watch
from trainer.encoders.cache import folder_of
from trainer.errors import NotWatchable
from trainer.export.bundle import CPU, digest_in
from trainer.whole_bank.chunks import BankTexts, Report, Run
from trainer.whole_bank.known import KnownVectors
from trainer.workplace import Workplace

COUNTS = pa.schema([("proposal", pa.int64()), ("day", pa.date32())])


@dataclass(frozen=True)
class Regions:
    """Where proposed classes and known ones lie, and which texts may be of a proposed one."""

    numbers: list[int]                                # of the proposals
    centers: np.ndarray                               # (P, d)
    reaches: np.ndarray                               # (P,) least cosine to the center
    known: np.ndarray                                 # (C, d) directions of the classes that have labels
    novelty: float
    confidence: float

    def of(self, vectors: np.ndarray, probs: np.ndarray, novelty: np.ndarray) -> np.ndarray:
        """Return the proposal (n,) that each text is of, -1 for none.

        It is a text that the champion finds novel or is unsure of, as a candidate of a discovery,
        within reach of the nearest proposal, and not nearer to a known class.
        """
        nearness = vectors @ self.centers.T                                              # (n, P)
        nearest = nearness.argmax(axis=1)
        best = nearness[np.arange(len(vectors)), nearest]
        is_candidate = (novelty >= self.novelty) | (probs.max(axis=1) < self.confidence)
        is_own = is_candidate & (best >= self.reaches[nearest]) & (best > (vectors @ self.known.T).max(axis=1))
        return np.where(is_own, np.array(self.numbers)[nearest], -1)


@dataclass(frozen=True)
class CountWork:
    """Finds the texts of a chunk that are of a proposed class: proposal, day."""

    predictor: Predictor
    regions: Regions
    known: KnownVectors

    def __call__(self, texts: pa.Table) -> pa.Table:
        own = [normalize(text) for text in texts["text"].to_pylist()]
        proposals = self.regions.of(*answered(self.predictor, self.known, own))
        found = pa.table({"proposal": pa.array(proposals), "day": texts["at"].cast(pa.date32())}, schema=COUNTS)
        return found.filter(pc.greater_equal(found["proposal"], 0))


def count_in_bank(workplace: Workplace, task: str, recipe: DiscoveryRecipe, run: Run,
                  report: Report) -> list[ClassProposal]:
    """Count each open proposal's texts in the whole bank by day, keep the counts with it, and return them all.

    Raises NotWatchable where no open proposal can be told by the champion's encoder.
    """
    version = champion_to_watch(workplace, task)
    bundle = load_bundle(workplace.store, version.digest)
    with read(workplace.engine) as session:
        proposals = [each for each in list_proposals(session, task, ProposalState.PROPOSED)
                     if each.findings.get("encoder") == bundle.facts.encoder and "reach" in each.findings]
        labeled = [(row.text, row.label) for row in labeled_texts(session, task, Part.TRAIN)]
    if not proposals:
        raise NotWatchable(f"task {task} has no open proposal on the champion's encoder",
                           "`hypermatch discover --task` looks for some")
    texts, known = BankTexts.of(workplace.bank, task), _known(workplace, bundle)
    regions = _regions(proposals, recipe, bundle.facts.novelty is not None)
    if labeled:
        predictor = Predictor.load(bundle, CPU, workplace.threads)
        regions = replace(regions, known=_means(predictor, known, labeled))
    found = [done.result for done in run(texts, partial(count_work, bundle, regions, known, workplace.threads), report)]
    by_day = pa.concat_tables(found).group_by(["proposal", "day"]).aggregate([([], "count_all")]).sort_by("day")
    return _kept(workplace, proposals, by_day.to_pylist(), texts.version)


def count_work(bundle: Bundle, regions: Regions, known: KnownVectors, threads: int) -> CountWork:
    return CountWork(Predictor.load(bundle, CPU, threads), regions, known.where_readable())


def answered(predictor: Predictor, known: KnownVectors,
             texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors (n, d), probabilities (n, C) and novelty (n,); known vectors are not computed again."""
    keys = hashes_of(texts)
    is_known, n_labels = known.has(keys), len(predictor.labels)
    if not is_known.all() or predictor.session.head is None:
        found = computed(predictor, list(texts), ("embedding", *OUTPUTS))
        return found[:, : -n_labels - 1], found[:, -n_labels - 1 : -1], found[:, -1]
    vectors = known.get(keys)
    probs, novelty = predictor.session.run_head(OUTPUTS, vectors)
    return vectors, probs, novelty


def _known(workplace: Workplace, bundle: Bundle) -> KnownVectors:
    """Return what is embedded already, nothing where the version's body is not exactly the encoder."""
    is_shared = bundle.facts.precision == SHARED
    return KnownVectors.of(folder_of(workplace.cache, digest_in(bundle.facts.encoder) if is_shared else "none"))


def _means(predictor: Predictor, known: KnownVectors, labeled: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return the direction of each class that has labels, (C, d)."""
    vectors = answered(predictor, known, [normalize(text) for text, _ in labeled])[0]
    classes = np.unique([label for _, label in labeled], return_inverse=True)[1]
    sums = np.zeros((classes.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, classes, vectors)
    return unit(sums)


def _regions(proposals: Sequence[ClassProposal], recipe: DiscoveryRecipe, is_calibrated: bool) -> Regions:
    """Return where the proposals lie; a model whose novelty nobody calibrated tells no candidates: all texts are."""
    centers = np.array([each.findings["center"] for each in proposals], np.float32)
    reaches = np.array([each.findings["reach"] for each in proposals], np.float32)
    return Regions([each.id for each in proposals if each.id is not None], centers, reaches,
                   np.zeros((1, centers.shape[1]), np.float32), recipe.candidate_novelty if is_calibrated else -np.inf,
                   recipe.candidate_confidence)


def _kept(workplace: Workplace, proposals: Sequence[ClassProposal], counts: Sequence[dict],
          bank_version: int) -> list[ClassProposal]:
    with write(workplace.engine) as session:
        for proposal in proposals:
            days = {str(row["day"]): row["count_all"] for row in counts if row["proposal"] == proposal.id}
            told = {"n_texts": sum(days.values()), "days": days, "bank_version": bank_version}
            kept = session.get(ClassProposal, proposal.id)
            if kept is not None:                      # forgotten or found again meanwhile, it is left alone
                kept.findings = kept.findings | {"in_bank": told}
                session.add(kept)
            proposal.findings = proposal.findings | {"in_bank": told}
    return list(proposals)
