"""The `hypermatch` command: finds a command's module when it runs and tells errors in one line."""

import importlib
import importlib.util
import os
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import click

# command -> what `hypermatch --help` says of it; each lives in infra/commands/<command>.py
COMMANDS = {
    "backup": "Save the registry, its artifacts and the bank.",
    "bank": "Look into the data bank and keep it in order.",
    "bench": "Measure this machine: ingest and serving.",
    "broker": "Run the embedded development broker.",
    "console": "Serve the web console.",
    "curve": "Say how many more labels a target needs.",
    "demo": "Tell the whole story on real text.",
    "discover": "Look for classes that nobody named, and decide on what was found.",
    "doctor": "Check that everything is as it should be.",
    "drift": "Look for drift in the bank.",
    "embed": "Embed every text of the bank, here or on a Ray cluster.",
    "encoder": "Pretrain an encoder on unlabeled text.",
    "ingest": "Bank production text.",
    "labels": "Bring in human labels and say which texts to label next.",
    "migrate": "Create the registry or bring it to the newest revision.",
    "models": "Look at model versions and decide on them.",
    "prompts": "Look at a language model's prompts and measure them.",
    "restore": "Bring an empty registry to what a backup saved.",
    "review": "Label the texts most worth a person's minute.",
    "runs": "Look at training runs and ask for one.",
    "sbom": "Write what is installed as a CycloneDX bill of materials.",
    "scale": "Calculate what an installation needs and what of it breaks first.",
    "serve": "Answer predictions.",
    "task": "Create and list tasks.",
    "torture": "Break an installation at random and check what must hold.",
    "train": "Train one model version now.",
    "trainer": "Retrain whenever it is due.",
    "up": "Run all processes of one machine.",
    "users": "Say who may use the console.",
}
FOLDERS = ("ingest", "trainer", "serving", "registry", "infra")


class LazyGroup(click.Group):
    """Knows its commands by name and imports only the one that runs, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        try:
            command = importlib.import_module(f"infra.commands.{cmd_name}").command
        except ModuleNotFoundError as error:
            raise click.ClickException(missing_package(error)) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hypermatch")
def cli() -> None:
    """A text classifier that keeps learning from unlabeled production text."""


def main() -> None:
    """Run a command; what a person can mend is one line and exit code 2, never a traceback."""
    from pydantic import ValidationError

    from registry.errors import HyperMatchError

    check_intruders()
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", code=130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except HyperMatchError as error:
        _fail(str(error))
    except ValidationError as error:
        _fail(_setting_error(error))
    except ModuleNotFoundError as error:
        _fail(missing_package(error))
    except BrokenPipeError:                           # `hypermatch bank show | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:                          # a full disk, a folder that may not be written
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def check_intruders() -> None:
    """Warn if another distribution also claims the name of one of our folders."""
    for folder in FOLDERS:
        others = sorted(set(packages_distributions().get(folder, [])) - {"hypermatch"}) if _is_elsewhere(folder) else []
        if others:
            _fail(f"package {folder!r} also belongs to {others[0]}; uninstall one: `pip uninstall {others[0]}`")


def missing_package(error: ModuleNotFoundError) -> str:
    return f"package {error.name!r} is not installed; run `pip install 'hypermatch[all]'`"


def _is_elsewhere(folder: str) -> bool:
    """Say whether importing `folder` would not give ours; the full look-up is slow, so it waits for this."""
    spec = importlib.util.find_spec(folder)
    return spec is None or spec.origin is None or Path(spec.origin).parents[1] != Path(__file__).parents[1]


def _setting_error(error: Any) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{error.title}: {name or 'value'}: {first['msg']}; see the settings table in README.md"


def _fail(message: str, code: int = 2) -> None:
    click.echo(f"hypermatch: {message}", err=True)
    sys.exit(code)
