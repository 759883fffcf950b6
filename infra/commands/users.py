"""`hypermatch users`: who may use the console and the API."""

from typing import Any

import click

from infra.roots import actor_option, open_registry, utc_now

ROLES = ("viewer", "labeler", "approver", "admin")
name_argument = click.argument("name", metavar="NAME")


@click.group("users")
def command() -> None:
    """Say who may use the console and the API."""


@command.command("add")
@name_argument
@click.option("--role", type=click.Choice(ROLES), required=True, help="Each may do all that those before it may.")
@actor_option
def add(name: str, role: str, actor: str) -> None:
    """Add NAME and print a link with which they set their password, once."""
    from registry.accounts.people import add_account, invite
    from registry.accounts.roles import Role
    from registry.database import write

    with write(open_registry()) as session:
        add_account(session, name, Role(role), actor=actor, now=utc_now())
        raw = invite(session, name, now=utc_now())
    click.echo(f"added {name} as {role}; this link sets the password, once, within 24 hours:\n  {_link(raw)}")


@command.command("list")
def list_() -> None:
    """List the accounts."""
    from infra.tables import echo_table
    from registry.accounts.people import list_accounts
    from registry.database import read

    with read(open_registry()) as session:
        rows = [[account.name, account.role, _way_in(account),
                 account.created_at.isoformat(timespec="seconds")] for account in list_accounts(session)]
    echo_table(["name", "role", "signs in by", "since"], rows)


@command.command("remove")
@name_argument
@actor_option
def remove(name: str, actor: str) -> None:
    """Remove NAME; sessions and tokens end at once."""
    from registry.accounts.people import remove_account
    from registry.database import write

    with write(open_registry()) as session:
        remove_account(session, name, actor=actor, now=utc_now())
    click.echo(f"removed {name}")


@command.command("disable")
@name_argument
@actor_option
def disable(name: str, actor: str) -> None:
    """Let NAME in no more, by no door; sessions end at once."""
    from registry.accounts.people import disable_account
    from registry.database import write

    with write(open_registry()) as session:
        disable_account(session, name, actor=actor, now=utc_now())
    click.echo(f"{name} is disabled")


@command.command("enable")
@name_argument
@actor_option
def enable(name: str, actor: str) -> None:
    """Let NAME in again."""
    from registry.accounts.people import enable_account
    from registry.database import write

    with write(open_registry()) as session:
        enable_account(session, name, actor=actor, now=utc_now())
    click.echo(f"{name} is enabled")


@command.command("password")
@name_argument
@click.option("--link", is_flag=True, help="Print a link with which they set it themselves.")
@actor_option
def password(name: str, link: bool, actor: str) -> None:
    """Set the password of NAME; every session of theirs ends."""
    from registry.accounts.people import invite, set_password
    from registry.database import write

    if link:
        with write(open_registry()) as session:
            raw = invite(session, name, now=utc_now())
        click.echo(f"this link sets the password of {name}, once, within 24 hours:\n  {_link(raw)}")
        return
    given = click.prompt("new password", hide_input=True, confirmation_prompt=True)
    with write(open_registry()) as session:
        set_password(session, name, given, actor=actor, now=utc_now())
    click.echo(f"the password of {name} is set")


def _way_in(account: Any) -> str:
    if account.disabled_at is not None:
        return "disabled"
    ways = [way for way, there in (("password", account.password_hash), ("provider", account.subject)) if there]
    return " or ".join(ways) or "not yet"


def _link(raw: str) -> str:
    from registry.console.settings import ConsoleSettings

    return f"{ConsoleSettings().address}/welcome/{raw}"
