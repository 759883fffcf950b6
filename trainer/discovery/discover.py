"""One discovery: candidates from the bank, groups, and a proposal for each group that is worth a person's minute."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlmodel import Session

from registry.proposal_memory import sample_of
from registry.proposals import record_proposals
from registry.tables import ClassProposal, ProposalState
from registry.text import normalize, text_hash
from registry.watching.maps import keep_map
from registry.watching.tables import DiscoveryMap
from trainer.discovery.describing import boundary, cohesion, exemplars, flat, halves, key_terms, trend
from trainer.discovery.finding import FoundGroups
from trainer.discovery.grouping import Groups
from trainer.discovery.joining import likeness
from trainer.discovery.looking import look, look_again
from trainer.discovery.mapping import draw_map
from trainer.discovery.metric import unit
from trainer.discovery.naming import name_groups
from trainer.discovery.pieces import likeness_to_known
from trainer.discovery.pool import Pool, gather_pool
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space
from trainer.discovery.stability import Stability, resample
from trainer.discovery.tuning import why_not_tuned
from trainer.fine_tuning.devices import n_gpus
from trainer.language_model.backend import Backend
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace

NEAR_SHARE = 0.5                                      # below it of novel texts, and from it of one guess: near-known
OUTSIDE_SHARE = 0.05                                  # of a group's texts lie beyond its reach, by which it is counted
BACKGROUND_TEXTS = 2_000                              # other candidates that key terms are told against


@dataclass(frozen=True)
class Discovery:
    """What one discovery saw and what it would propose, the largest first."""

    drafts: list[ClassProposal]
    n_looked_at: int
    n_candidates: int
    n_groups: int
    n_unstable: int
    map: DiscoveryMap | None = None                   # where the candidates lie

    def __str__(self) -> str:
        return (f"{len(self.drafts)} classes proposed from {self.n_candidates} candidates among {self.n_looked_at} "
                f"texts; {self.n_groups} groups seen, {self.n_unstable} of them not stable enough")


@dataclass(frozen=True)
class Found:
    """The grouped pool, and the new groups that are large and stable enough, the largest first."""

    pool: Pool
    space: Space
    groups: Groups
    stability: Stability
    members: dict[int, np.ndarray]                    # new group -> rows of the pool
    places: np.ndarray                                # (n, 2) of the pool, on one map for all groups
    perhaps_one_at: float                             # likeness of two groups from which a person is told
    pieces: dict[int, str]                            # group -> known label that it looks like a piece of

    def merges(self, number: int) -> set[int]:
        """Return the groups that may be one with group `number`."""
        alike = np.flatnonzero(likeness(self.groups, self.space)[number] >= self.perhaps_one_at)
        return {int(other) for other in alike} | set(self.stability.merges(number))


def discover(workplace: Workplace, task: str, recipe: Recipe, backend: Backend | None = None,
             report: Report = lambda _step, _done: None) -> Discovery:
    """Look for classes that nobody named; touches nothing. Raises NotWatchable saying what is lacking.

    Where the recipe is for it, what the champion's encoder finds is what the encoder is
    tuned on, and the tuned one looks again.
    """
    report("reading", 0.0)
    looking, seed = recipe.discovery, recipe.seed
    pool = gather_pool(workplace, task, looking, seed, report)
    n_seen = (pool.n_looked_at, len(pool.texts))
    if len(pool.texts) < looking.min_texts:
        return Discovery([], *n_seen, 0, 0)
    space, seen = look(pool, recipe, report)
    if not why_not_tuned(recipe, n_gpus()):
        space, seen = look_again(workplace, pool, seen, recipe, report)
    report("evaluation", 0.0)
    stability = resample(space, seen.groups, looking, seed)
    large, kept = _kept(seen.groups, stability, space, looking)
    places = flat(space.points[space.n_labeled :])
    found = Found(pool, space, seen.groups, stability, kept, places,
                  np.inf if seen.bars is None else seen.bars.perhaps, _pieces(seen, space, pool))
    report("evaluation", 0.8)
    drafts = _drafts(found, task, looking, backend, seed, workplace.now())
    members = {draft.name: rows for draft, rows in zip(drafts, kept.values(), strict=True)}
    drawn = draw_map(task, pool, space.points[space.n_labeled :], members, seed, workplace.now())
    return Discovery(drafts, *n_seen, len(stability.jaccard), large - len(kept), drawn)


def keep(session: Session, task: str, discovery: Discovery, *, actor: str, now: datetime) -> list[ClassProposal]:
    """Record what was found, with its map, and return all proposals that are open now."""
    if discovery.map is not None:
        keep_map(session, discovery.map)
    return record_proposals(session, task, discovery.drafts, actor=actor, now=now)


def _kept(groups: Groups, stability: Stability, space: Space,
          recipe: DiscoveryRecipe) -> tuple[int, dict[int, np.ndarray]]:
    """Return how many new groups are large enough, and the members of those that are stable too."""
    assigned = groups.assigned[space.n_labeled :] - groups.n_known
    members = {number: np.flatnonzero(assigned == number) for number in range(len(stability.jaccard))}
    large = {number: rows for number, rows in members.items() if len(rows) >= recipe.min_texts}
    stable = {number: rows for number, rows in large.items() if stability.jaccard[number] >= recipe.min_stability}
    order = sorted(stable, key=lambda number: (-len(stable[number]), number))[: recipe.max_proposals]
    return len(large), {number: stable[number] for number in order}


def _drafts(found: Found, task: str, recipe: DiscoveryRecipe, backend: Backend | None, seed: int,
            now: datetime) -> list[ClassProposal]:
    pool, texts = found.pool, [[found.pool.texts[row] for row in rows] for rows in found.members.values()]
    terms = key_terms(texts, _background(found, seed), recipe.n_terms)
    shown = {number: _shown(found, number, rows, recipe, seed) for number, rows in found.members.items()}
    names = name_groups(terms, [each["exemplars"] for each in shown.values()], pool.labels, backend, seed)
    named = dict(zip(found.members, names, strict=True))
    drafts = []
    for (number, rows), own in zip(found.members.items(), terms, strict=True):
        findings = shown[number] | {
            "terms": own, "encoder": pool.encoder, "share_novel": round(float(pool.is_novel[rows].mean()), 3),
            "guesses": dict(Counter(pool.guesses[row] for row in rows).most_common(3)),
            "trend": trend([pool.at[row] for row in rows], pool.since, pool.until),
            "merge_with": [named[other] for other in sorted(found.merges(number)) if other in named],
            "parts": _parts(found, number, rows, named[number], recipe, seed)}
        drafts.append(ClassProposal(
            task=task, state=ProposalState.PROPOSED, name=named[number], n_texts=len(rows),
            near_label=found.pieces.get(number) or _near_label(pool, rows),
            cohesion=round(cohesion(_points(found, rows)), 4),
            stability=round(float(found.stability.jaccard[number]), 4), findings=findings,
            bank_version=pool.bank_version, version_number=pool.version.number, created_at=now))
    return drafts


def _shown(found: Found, number: int, rows: np.ndarray, recipe: DiscoveryRecipe, seed: int) -> dict[str, Any]:
    """Return what a person sees of a group, and what it is remembered by."""
    column = found.groups.n_known + number
    membership = found.groups.membership[found.space.n_labeled + rows]
    others = np.delete(membership, column, axis=1).max(axis=1) if membership.shape[1] > 1 else np.zeros(len(rows))
    chosen = exemplars(_points(found, rows), found.groups.centers[column], recipe.n_exemplars, seed)
    unsure = [row for row in boundary(membership[:, column], others, recipe.n_boundary + len(chosen))
              if row not in set(chosen.tolist())][: recipe.n_boundary]
    return {"exemplars": _texts(found, rows[chosen]), "places": found.places[rows[chosen]].round(4).tolist(),
            "boundary": _texts(found, rows[np.array(unsure, np.int64)]), **_memory(found, rows)}


def _parts(found: Found, number: int, rows: np.ndarray, name: str, recipe: DiscoveryRecipe,
           seed: int) -> list[dict[str, Any]]:
    """Return the two parts that the group may be split into, described as proposals are."""
    points = _points(found, rows)
    cut = halves(points, seed)
    sides = [np.flatnonzero(cut == side) for side in (0, 1)]
    if min(map(len, sides)) < max(recipe.min_texts // 2, 3):
        return []
    terms = key_terms([_texts(found, rows[side]) for side in sides], [], recipe.n_terms)
    parts = []
    for index, (side, own) in enumerate(zip(sides, terms, strict=True)):
        center = unit(points[side].sum(axis=0, keepdims=True))[0]
        chosen = rows[side][exemplars(points[side], center, recipe.n_exemplars, seed)]
        told = "_".join(own[:1]) or str(index + 1)
        parts.append({"name": f"{name}: {told}"[:200], "n_texts": len(side),
                      "near_label": _near_label(found.pool, rows[side]),
                      "cohesion": round(cohesion(points[side]), 4),
                      "stability": round(float(found.stability.jaccard[number]), 4),
                      "findings": {"terms": own, "exemplars": _texts(found, chosen), "boundary": [],
                                   **_memory(found, rows[side])}})
    return parts


def _pieces(seen: FoundGroups, space: Space, pool: Pool) -> dict[int, str]:
    """Return the groups that are as like a known class as its own texts are, with its label."""
    if seen.known_bar is None:
        return {}
    alike = likeness_to_known(seen.groups, space)
    return {int(number): pool.known[alike[number].argmax()]
            for number in np.flatnonzero(alike.max(axis=1) >= seen.known_bar)}


def _near_label(pool: Pool, rows: np.ndarray) -> str | None:
    """Return the known label that the group may belong to: its texts are hardly novel and most get this label."""
    label, count = Counter(pool.guesses[row] for row in rows).most_common(1)[0]
    is_near = pool.is_novel[rows].mean() < NEAR_SHARE and count / len(rows) >= NEAR_SHARE
    return label if is_near else None


def _memory(found: Found, rows: np.ndarray) -> dict[str, Any]:
    center = unit(found.pool.vectors[rows].sum(axis=0, keepdims=True))[0]
    hashes = sample_of(text_hash(normalize(found.pool.texts[row])) for row in rows)
    reach = float(np.quantile(found.pool.vectors[rows] @ center, OUTSIDE_SHARE))
    return {"members": hashes, "center": [round(float(each), 5) for each in center], "reach": round(reach, 5)}


def _points(found: Found, rows: np.ndarray) -> np.ndarray:
    return found.space.points[found.space.n_labeled + rows]


def _texts(found: Found, rows: np.ndarray) -> list[str]:
    return [found.pool.texts[row] for row in rows]


def _background(found: Found, seed: int) -> list[str]:
    """Return candidates that are in no proposed group."""
    inside = np.concatenate([np.empty(0, np.int64), *found.members.values()])
    outside = np.setdiff1d(np.arange(len(found.pool.texts)), inside)
    return _texts(found, np.sort(np.random.default_rng(seed).permutation(outside)[:BACKGROUND_TEXTS]))
