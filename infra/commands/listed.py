"""Options that list several values, separated by commas."""

import click


def listed(values: str) -> list[str]:
    return [value.strip() for value in values.split(",") if value.strip()]


def numbers(values: str, option: str, most: int = 10_000) -> list[int]:
    """Read whole numbers from 1 to `most`, each once."""
    found = listed(values)
    wrong = [value for value in found if not value.isdigit() or not 0 < int(value) <= most]
    if wrong or not found:
        raise click.BadParameter(f"{(wrong or [values])[0]!r} is no number from 1 to {most}", param_hint=option)
    return list(dict.fromkeys(map(int, found)))
