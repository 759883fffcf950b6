"""The demo's report: counts and accuracies, as JSON and as a small table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from infra.tables import echo_table


@dataclass(frozen=True)
class Report:
    """What the demo measured; accuracies are of test texts, per version, through the HTTP endpoint.

    `accuracy` counts all classes, so that no version can be right about a class it does not
    know; `accuracy_old_classes` those known at first.
    """

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
    accuracy_old_classes: dict[str, float]
    accuracy_new_classes: dict[str, float]
    windows_before: int                               # that were looked at before the new classes came
    false_alarms_before: int
    alarm_after_texts: int                            # banked since the new classes came, when drift first alarmed
    novelty_rate: dict[str, float]                    # of the windows before, and of the one that alarmed
    proposals: int
    accepted: int
    new_classes: int                                  # that the stream carried
    labels: int                                       # that v1 and v2 both learned from
    unlabeled_texts: int                              # of the traffic, that v2 learned from besides
    unlabeled_gain: float                             # accuracy of v2 less that of v1, on the classes both know
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
        return ", ".join(f"{f'v{name}' if name.isdigit() else name} {figure:.3f}" for name, figure in value.items())
    if isinstance(value, list):
        return ", ".join(f"v{version}" for version in value)
    return f"{value:,}"
