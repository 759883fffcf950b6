"""Any OpenAI-compatible endpoint: HyperCLOVA X on CLOVA Studio, vLLM, llama.cpp, Ollama and the rest."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from trainer.language_model.backend import Completion, LanguageModelError, NoScores
from trainer.language_model.budget import Meter
from trainer.language_model.pacing import Pace, Retries, asked_seconds

WORTH_RETRYING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
SHOWN_CHARS = 200                                     # of what a server says about an error
SCORED_PROMPTS = 64                                   # continuations per request


@dataclass(frozen=True)
class Endpoint:
    """Where the model answers. `url` ends before `/completions`; the key is never shown."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    is_chat: bool = False                             # /chat/completions, which cannot score
    timeout_seconds: float = 60.0
    concurrency: int = 8
    calls_per_minute: float = 0.0
    retries: Retries = field(default_factory=Retries)


class OpenAiCompatible:
    """A model behind HTTP; failed calls are made again as `endpoint.retries` says, each one metered."""

    def __init__(self, endpoint: Endpoint, meter: Meter, *, sleep: Callable[[float], None] = time.sleep,
                 randomness: random.Random | None = None) -> None:
        self.name, self.concurrency = endpoint.model, endpoint.concurrency
        self.endpoint, self.meter, self.sleep = endpoint, meter, sleep
        self.randomness = randomness or random.Random()
        self.pace = Pace(endpoint.calls_per_minute, sleep=sleep)
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        limits = httpx.Limits(max_connections=endpoint.concurrency)
        self.client = httpx.Client(headers=headers, timeout=endpoint.timeout_seconds, limits=limits)

    def complete(self, prompt: str, *, max_tokens: int, temperature: float, stop: Sequence[str],
                 seed: int) -> Completion:
        """Continue `prompt`; on a chat endpoint it is the only message."""
        asked: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed,
                                 "stop": list(stop) or None}
        if self.endpoint.is_chat:
            answer = self._post("chat/completions", asked | {"messages": [{"role": "user", "content": prompt}]})
            text = _read(answer, lambda: "" + (answer["choices"][0]["message"]["content"] or ""))
        else:
            answer = self._post("completions", asked | {"prompt": prompt})
            text = _read(answer, lambda: "" + answer["choices"][0]["text"])
        return Completion(cut(text, stop), *_usage(answer))

    def score(self, prompt: str, continuations: Sequence[str]) -> list[float]:
        """Score through `echo` and `logprobs`; raises NoScores where the endpoint has neither."""
        if self.endpoint.is_chat:
            raise no_scores(f"{self.endpoint.model} is asked through chat, which tells no log-probabilities of text")
        scores: list[float] = []
        for start in range(0, len(continuations), SCORED_PROMPTS):
            scores += self._score(prompt, continuations[start : start + SCORED_PROMPTS])
        return scores

    def _score(self, prompt: str, continuations: Sequence[str]) -> list[float]:
        # one token is asked for because some servers refuse 0; it lies behind the text and is not counted
        answer = self._post("completions", {"prompt": [prompt + each for each in continuations], "max_tokens": 1,
                                            "temperature": 0.0, "echo": True, "logprobs": 1})
        choices = _read(answer, lambda: sorted(answer["choices"], key=lambda each: each.get("index", 0)))
        if len(choices) != len(continuations):
            raise no_scores(f"{self.endpoint.model} answered {len(choices)} of {len(continuations)} scored prompts")
        return [continuation_log_prob(choice, prompt, each) for choice, each in zip(choices, continuations,
                                                                                   strict=True)]

    def _post(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        content = {"model": self.endpoint.model} | {key: value for key, value in asked.items() if value is not None}
        retries = self.endpoint.retries
        for attempt in range(retries.n_retries + 1):
            self.pace.wait()
            found = self._once(path, content)
            if not isinstance(found, Failure):
                return found
            wait = retries.wait_seconds(attempt, found.asked_seconds, self.randomness)
            is_hopeless = wait > retries.longest_seconds + retries.first_seconds
            if attempt == retries.n_retries or is_hopeless:
                raise LanguageModelError(f"{self.endpoint.url} gave no answer after {attempt + 1} calls: {found.why}",
                                         "check HYPERMATCH_TRAINER_LM_URL and the endpoint's limits")
            self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, path: str, content: dict[str, Any]) -> "dict[str, Any] | Failure":
        """Make one call; an answer, or a failure that is worth another try, or LanguageModelError."""
        with self.meter.call() as call:
            try:
                response = self.client.post(f"{self.endpoint.url.rstrip('/')}/{path}", json=content)
            except httpx.TransportError as error:
                return Failure(f"{type(error).__name__} {error}".strip())
            except httpx.InvalidURL as error:
                raise LanguageModelError(f"{self.endpoint.url!r} is no URL: {error}") from error
            if response.status_code in WORTH_RETRYING:
                asked = asked_seconds(response.headers.get("retry-after"), datetime.now(UTC))
                return Failure(_shown(response), asked)
            if response.status_code != httpx.codes.OK:
                raise refusal(self.endpoint, response)
            answer = _json(response)
            call.answered(*_usage(answer))
            return answer


@dataclass(frozen=True)
class Failure:
    """A call that may succeed later, and when the server wants it."""

    why: str
    asked_seconds: float | None = None


def continuation_log_prob(choice: Any, prompt: str, continuation: str) -> float:
    """Add up the log-probs of the echoed tokens that hold any of the continuation; raises NoScores without them."""
    try:
        told = choice["logprobs"]
        tokens = list(zip(told["text_offset"], told["token_logprobs"], strict=True))
    except (KeyError, TypeError, ValueError):
        raise no_scores("the endpoint returned no log-probabilities") from None
    begin, end = len(prompt), len(prompt) + len(continuation)
    if not str(choice.get("text", "")).startswith(prompt + continuation):
        raise no_scores("the endpoint did not echo the prompt")
    stops = [offset for offset, _ in tokens[1:]] + [end]
    scored = [log_prob for (offset, log_prob), stop in zip(tokens, stops, strict=True) if stop > begin and offset < end]
    if not scored or any(log_prob is None for log_prob in scored):
        raise no_scores("the endpoint left out log-probabilities of the echoed text")
    return float(sum(scored))


def cut(text: str, stop: Sequence[str]) -> str:
    """Cut `text` before the first stop string, which some servers leave in."""
    ends = [text.index(each) for each in stop if each in text]
    return text[: min(ends)] if ends else text


def no_scores(why: str) -> NoScores:
    return NoScores(f"{why}, so label probabilities cannot be scored",
                    'set language_model.answers = "votes" in the recipe: sampled completions are counted instead')


def refusal(endpoint: Endpoint, response: httpx.Response) -> LanguageModelError:
    mends = {401: "check HYPERMATCH_TRAINER_LM_KEY", 403: "check HYPERMATCH_TRAINER_LM_KEY",
             404: "check HYPERMATCH_TRAINER_LM_URL and _MODEL"}
    return LanguageModelError(f"{endpoint.url} refused: {_shown(response)}",
                              mends.get(response.status_code, "the endpoint says why"))


def _shown(response: httpx.Response) -> str:
    said = " ".join(response.text.split())[:SHOWN_CHARS]
    return f"HTTP {response.status_code} {said}".strip()


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LanguageModelError(f"{response.url} answered no JSON object: {response.text[:SHOWN_CHARS]!r}")
    return answer


def _read(answer: dict[str, Any], read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (KeyError, IndexError, TypeError, AttributeError):
        raise LanguageModelError(f"the endpoint's answer has no choices: {str(answer)[:SHOWN_CHARS]}",
                                 "it is not OpenAI-compatible, or HYPERMATCH_TRAINER_LM_IS_CHAT is wrong") from None


def _usage(answer: dict[str, Any]) -> tuple[int, int]:
    used = answer.get("usage") or {}
    return int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
