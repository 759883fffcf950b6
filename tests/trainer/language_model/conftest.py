"""An OpenAI-compatible server on loopback that counts, limits and fails, and a tiny causal model."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainer.language_model.budget import Meter
from trainer.language_model.openai_compatible import Endpoint, OpenAiCompatible
from trainer.language_model.pacing import Retries

KEY = "sk-secret-of-the-test"
QUICK = Retries(n_retries=3, first_seconds=0.01, longest_seconds=0.2)


class Server:
    """What the endpoint should do next: `failures` are answered first, one per call."""

    def __init__(self):
        self.failures, self.requests, self.at, self.seconds = [], [], [], 0.0
        self.has_log_probs, self.in_flight, self.most_in_flight = True, 0, 0
        self.lock = threading.Lock()
        self.write = lambda prompt, asked: " fine"
        self.rate = lambda prompt: lambda token: -1.0 # the log-prob of each echoed token

    def choice(self, index, prompt, asked):
        if not (asked.get("echo") and self.has_log_probs):
            return {"index": index, "text": self.write(prompt, asked)}
        tokens = [prompt[at : at + 4] for at in range(0, len(prompt), 4)] + ["!"]
        offsets = [4 * number for number in range(len(tokens) - 1)] + [len(prompt)]
        rated = [None, *map(self.rate(prompt), tokens[1:-1]), -99.0]
        return {"index": index, "text": prompt + "!",
                "logprobs": {"tokens": tokens, "text_offset": offsets, "token_logprobs": rated}}

    def answer(self, path, asked):
        if path.endswith("/chat/completions"):
            prompt = asked["messages"][0]["content"]
            return {"choices": [{"message": {"content": self.write(prompt, asked)}}], "usage": usage(prompt)}
        prompts = asked["prompt"] if isinstance(asked["prompt"], list) else [asked["prompt"]]
        choices = [self.choice(number, prompt, asked) for number, prompt in enumerate(prompts)]
        return {"choices": choices[::-1], "usage": usage("".join(prompts))}


def usage(prompt):
    return {"prompt_tokens": len(prompt) // 4, "completion_tokens": 2}


def handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with server.lock:
                server.requests.append((self.path, asked, dict(self.headers)))
                server.at.append(time.monotonic())
                server.in_flight += 1
                server.most_in_flight = max(server.most_in_flight, server.in_flight)
                failure = server.failures.pop(0) if server.failures else None
            time.sleep(server.seconds)
            with server.lock:
                server.in_flight -= 1
            with suppress(BrokenPipeError):           # the client may have stopped waiting
                self.say(*(failure or (200, {}, json.dumps(server.answer(self.path, asked)))))

        def say(self, status, headers, content):
            raw = content.encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def server():
    server = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    yield server
    http.shutdown()
    http.server_close()


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def connect(server, meter):
    """Return a backend on the server, its endpoint changed as asked."""

    def run(meter=meter, **changes):
        given = {"url": server.url, "model": "tiny", "key": KEY, "retries": QUICK, "timeout_seconds": 5.0} | changes
        return OpenAiCompatible(Endpoint(**given), meter)

    return run


@pytest.fixture(scope="session")
def tiny_gpt(tmp_path_factory) -> Path:
    """A random GPT-2 of two layers with a byte-level tokenizer, as `save_pretrained` leaves it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("gpt")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    corpus = ["how do I get a refund", "my card has not arrived", "환불은 어떻게 하나요", "label: card arrival"] * 4
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>").save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_positions=512, n_embd=32, n_layer=2, n_head=2,
                        initializer_range=0.5)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder
