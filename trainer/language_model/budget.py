"""Counts what a language model costs and refuses further calls once the budget is spent."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock

from trainer.language_model.backend import BudgetSpent

PRICED_TOKENS = 1_000_000                             # prices are per so many tokens, as providers quote them


@dataclass(frozen=True)
class Budget:
    """What may be spent on a run, and what tokens cost; infinite and free unless told otherwise."""

    max_calls: float = math.inf
    max_tokens: float = math.inf
    max_money: float = math.inf
    prompt_price: float = 0.0
    completion_price: float = 0.0


@dataclass(frozen=True)
class Costs:
    """What was spent, for the run record; `seconds` add up over calls that ran side by side."""

    n_calls: int = 0
    n_failed: int = 0                                 # among the calls: those that brought no answer
    n_replayed: int = 0                               # answers from the record, which cost nothing
    n_refused: int = 0                                # calls that the budget did not allow
    n_prompt_tokens: int = 0
    n_completion_tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0

    @property
    def n_tokens(self) -> int:
        return self.n_prompt_tokens + self.n_completion_tokens

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass
class Call:
    """One call in progress; the backend notes its tokens here."""

    n_prompt_tokens: int = 0
    n_completion_tokens: int = 0
    is_answered: bool = False

    def answered(self, n_prompt_tokens: int, n_completion_tokens: int) -> None:
        self.n_prompt_tokens, self.n_completion_tokens = n_prompt_tokens, n_completion_tokens
        self.is_answered = True


class Meter:
    """Stands before every call that costs something, retries included.

    The number of calls is never exceeded. Tokens are known only afterwards, so the calls
    already in flight when tokens or money run out are the last ones.
    """

    def __init__(self, budget: Budget | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget, self.clock = budget or Budget(), clock
        self._counts = dict.fromkeys(("n_calls", "n_failed", "n_replayed", "n_refused", "n_prompt_tokens",
                                      "n_completion_tokens"), 0)
        self._seconds, self._lock = 0.0, Lock()

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Count one call; raises BudgetSpent before it is made if nothing is left."""
        self._admit()
        call, began = Call(), self.clock()
        try:
            yield call
        finally:
            self._count(call, self.clock() - began)

    def replayed(self) -> None:
        """Count an answer that came from the record."""
        with self._lock:
            self._counts["n_replayed"] += 1

    @property
    def costs(self) -> Costs:
        """What was spent until now."""
        with self._lock:
            return self._costs()

    def _admit(self) -> None:
        with self._lock:
            spent = self._spent()
            if spent:
                self._counts["n_refused"] += 1
                raise BudgetSpent(f"the language model budget is spent: {spent}",
                                  "raise HYPERMATCH_TRAINER_LM_MAX_CALLS, _MAX_TOKENS or _MAX_MONEY")
            self._counts["n_calls"] += 1

    def _spent(self) -> str:
        costs, budget = self._costs(), self.budget
        if costs.n_calls >= budget.max_calls:
            return f"{costs.n_calls} calls"
        if costs.n_tokens >= budget.max_tokens:
            return f"{costs.n_tokens} tokens"
        return f"{costs.money:.2f} of {budget.max_money:.2f} in money" if costs.money >= budget.max_money else ""

    def _count(self, call: Call, seconds: float) -> None:
        with self._lock:
            self._counts["n_failed"] += not call.is_answered
            self._counts["n_prompt_tokens"] += call.n_prompt_tokens
            self._counts["n_completion_tokens"] += call.n_completion_tokens
            self._seconds += seconds

    def _costs(self) -> Costs:
        money = (self._counts["n_prompt_tokens"] * self.budget.prompt_price
                 + self._counts["n_completion_tokens"] * self.budget.completion_price) / PRICED_TOKENS
        return Costs(**self._counts, seconds=self._seconds, money=money)
