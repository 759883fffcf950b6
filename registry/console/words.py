"""What the console says, in English and Korean: plain catalogs, one TOML file per language."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "catalogs"
LANGUAGES = {"en": "English", "ko": "한국어"}

Words = Mapping[str, Mapping[str, str]]               # language -> key -> text


def load_words() -> Words:
    """Read the catalogs; nested tables become dotted keys."""
    return {language: _flat(tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
            for language in LANGUAGES}


def preferred(accept: str, default: str) -> str:
    """Return the first language of an Accept-Language header that there is."""
    for part in accept.split(","):
        code = part.split(";")[0].strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return default


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        flat.update(_flat(value, f"{name}.") if isinstance(value, Mapping) else {name: str(value)})
    return flat
