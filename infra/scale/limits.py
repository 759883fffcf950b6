"""What breaks, sooner or later: each limit with what the demand needs of it and what to do then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from infra.scale.plan import DAY_SECONDS, Plan


@dataclass(frozen=True)
class Limit:
    """Something that ends; `headroom` is what there is over what is needed: below 1 it breaks."""

    about: str
    need: float
    limit: float
    unit: str
    what_happens: str
    what_to_do: str

    @property
    def headroom(self) -> float:
        return self.limit / self.need if self.need else float("inf")


def limits(plan: Plan) -> list[Limit]:
    """Return all limits, the one that breaks first at the beginning."""
    return sorted([*_registry(plan), *_bank(plan), *_serving(plan)], key=lambda limit: limit.headroom)


def broken(found: Sequence[Limit]) -> list[Limit]:
    return [limit for limit in found if limit.headroom < 1]


def _registry(plan: Plan) -> list[Limit]:
    values = plan.values
    return [
        Limit("connections to PostgreSQL", plan.connections, values["max_connections"], "",
              "new workers find no registry and do not start; those that serve go on",
              "raise max_connections, or take fewer and larger replicas; a pooler must keep sessions, for LISTEN"),
        Limit("PostgreSQL's cores, for polling", plan.database_cores, values["database_cores"] * plan.demand.used_share,
              "cores", "promotions reach servers late, pages and trainers wait",
              "raise HYPERMATCH_SERVING_POLL_SECONDS: a change is told by NOTIFY at once, polling only makes sure"),
    ]


def _bank(plan: Plan) -> list[Limit]:
    values, asked = plan.values, plan.demand
    day = asked.mean_texts_per_second * DAY_SECONDS / plan.n_ingest
    return [
        Limit("a day's texts that an ingest process remembers", day, values["remembered_texts"], "",
              "older duplicates of the day are banked twice until compaction drops them",
              f"HYPERMATCH_INGEST_REMEMBERED_TEXTS={_up(day, 1_000_000)}, which takes "
              f"{16 * _up(day, 1_000_000) / 2**20:.0f} MiB"),
        Limit("reading one task of the bank for a run", plan.read_task_seconds, values["patience_seconds"], "s",
              "a run spends longer on reading than on learning, and so does every other",
              "compact the bank more often, commit less often, keep fewer days (`bank retain`)"),
        Limit("a tick that looks at every task", plan.tick_seconds, values["tick_seconds"], "s",
              "ticks come late: new labels, requested runs and drift wait for them",
              f"HYPERMATCH_TRAINER_TICK_SECONDS={_up(plan.tick_seconds, 10)}, or trainers of fewer tasks (`--task`)"),
    ]


def _serving(plan: Plan) -> list[Limit]:
    values, asked = plan.values, plan.demand
    body = values["subword_body_mib"] if asked.encoder == "subword" else values["minilm_head_mib"]
    held = values["serve_memory_mib"] + asked.tasks * body
    return [
        Limit("replicas that the autoscaler may make", plan.n_replicas, values["max_replicas"], "",
              "answers slow down, then 429", "raise maxReplicas in infra/k8s/base/serving.yaml"),
        Limit("memory of a replica that holds every task", held, values["replica_memory_mib"], "MiB",
              "the pod is killed while it loads" if asked.encoder == "subword" else "the pod is killed",
              "raise the pod's memory; for `subword`, one pretrained encoder for all tasks is held once"),
    ]


def _up(value: float, step: int) -> int:
    """Round up to a multiple of `step`."""
    return math.ceil(value / step) * step
