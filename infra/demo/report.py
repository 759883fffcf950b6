"""The demo's report: counts and accuracies, as JSON and as a small table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from infra.tables import echo_table


@dataclass(frozen=True)
class Report:
    """What the demo measured; `accuracy` is of the test split, per version, through the HTTP endpoint."""

    seconds: float
    texts_sent: int
    texts_banked: int
    duplicates: int
    dead_letters: int
    requests: int
    failed_requests: int
    mixed_answers: int
    versions_served: list[int]
    accuracy: dict[str, float]
    labels: int                                       # that v1 and v2 both learned from
    unlabeled_texts: int                              # of the traffic, that v2 learned from besides
    unlabeled_gain: float                             # accuracy of v2 less that of v1
    swap_seconds: dict[str, float]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def echo(self, file: Path) -> None:
        rows = [[name.replace("_", " "), _shown(value)] for name, value in asdict(self).items()]
        click.echo()
        echo_table(["the demo in figures", ""], rows)
        click.echo(f"\nreport: {file}")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"v{version} {figure:.3f}" for version, figure in value.items())
    if isinstance(value, list):
        return ", ".join(f"v{version}" for version in value)
    return f"{value:,}"
