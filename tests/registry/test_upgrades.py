"""Every released revision, with data in it, upgrades to the newest one on both databases, and nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, Table, create_engine, text
from sqlmodel import Session

from registry import audit
from registry.database import alembic_config, migrate, newest_revision, open_database, revision
from registry.errors import RegistryError
from registry.tables import AuditEntry
from tests.servers.postgres import fresh_database

AT = "2026-01-02 03:04:05.678901"
VERSION = """INSERT INTO modelversion (task, number, stage, digest, label_space, requested_by, recipe, code_revision,
    n_labels, evaluation, gate, was_champion, created_at) VALUES ('intents', {number}, '{stage}', '{digest}', 1, 'ada',
    '{{"seed": 1}}', 'r', 2, '{{"accuracy": 0.5}}', '{{}}', true, :at)"""

ROWS = {                                              # revision -> what a user of that release has in the registry
    "0001": [
        "INSERT INTO task (name, description, created_at) VALUES ('intents', '의도', :at)",
        "INSERT INTO labelspace (task, number, labels, created_at) VALUES ('intents', 1, '[\"a\", \"b\"]', :at)",
        "INSERT INTO labeledtext (task, text, text_hash, label, part, actor, origin, labeled_at) "
        "VALUES ('intents', 'it''s 재미있네', 'h1', 'a', 'gate', 'ada', 'labels.csv', :at)",
        "INSERT INTO run (task, state, reason, actor, worker, recipe, step, progress, outcome, facts, requested_at) "
        "VALUES ('intents', 'succeeded', 'first', 'ada', 'w', '{}', '', 1.0, '', '{}', :at)",
        VERSION.format(number=1, stage="archived", digest="1" * 64),
        VERSION.format(number=2, stage="champion", digest="2" * 64),
        "INSERT INTO alias (task, name, version_number, generation, changed_at) "
        "VALUES ('intents', 'champion', 2, 2, :at)",
        "INSERT INTO lease (name, holder, token, expires_at) VALUES ('task:intents', 'w', 1, :at)",
        "INSERT INTO heartbeat (process, kind, interval_seconds, says, seen_at) VALUES ('w', 'trainer', 10, '{}', :at)",
    ],
    "0002": [
        "INSERT INTO prompt (name, version, \"use\", language, digest, spec, actor, saved_at) "
        "VALUES ('mix', 1, 'label', 'ko', 'd', '{\"words\": \"가\"}', 'ada', :at)",
        "INSERT INTO promptquality (prompt, version, task, language_model, n_labels, accuracy, low, high, details, "
        "actor, measured_at) VALUES ('mix', 1, 'intents', 'lm', 5, 0.8, 0.5, 0.9, '{}', 'ada', :at)",
    ],
    "0003": [
        "INSERT INTO drift_checks (task, at, bank_version, version_number, is_alarm, p_value, advice, reason, report) "
        "VALUES ('intents', :at, 3, 2, true, 0.001, 'retrain', 'moved', '{\"families\": []}')",
        "INSERT INTO class_proposals (task, state, name, n_texts, cohesion, stability, findings, bank_version, "
        "version_number, created_at, decision_reason) "
        "VALUES ('intents', 'snoozed', 'refund', 40, 0.7, 0.9, '{\"terms\": [\"환불\"]}', 3, 2, :at, '')",
    ],
    "0004": ["UPDATE class_proposals SET snoozed_until = :at, label = 'refund'"],
    "0005": [
        "INSERT INTO review_items (task, text, text_hash, state, chosen, why, worth, n_wanted, is_new_class, "
        "queued_by, queued_at) VALUES ('intents', 'who?', 'h2', 'open', 'novelty', 'new', 1.5, 2, false, 'ada', :at)",
        "INSERT INTO review_answers (item_id, actor, state, label, is_new_class, claimed_until) "
        "VALUES (1, 'ada', 'labeled', 'a', false, :at)",
    ],
    "0006": [
        "INSERT INTO account (name, role, created_at) VALUES ('ada', 'admin', :at)",
        "INSERT INTO invitation (token_hash, account, expires_at) VALUES ('i', 'ada', :at)",
        "INSERT INTO api_token (account, name, token_hash, scopes, created_at, expires_at) "
        "VALUES ('ada', 'ci', 't', '[\"read\"]', :at, :at)",
        "INSERT INTO console_session (id_hash, account, created_at, seen_at) VALUES ('s', 'ada', :at, :at)",
        "INSERT INTO sign_in_attempts (key, n_failures, blocked_until) VALUES ('ada', 2, :at)",
        "INSERT INTO console_key (name, value) VALUES ('cookies', 'k')",
        "INSERT INTO webhook (name, url, secret, events, is_slack, told_until, created_by, created_at) "
        "VALUES ('chat', 'https://chat.example/', 's', '[\"model:promoted\"]', false, 1, 'ada', :at)",
        "INSERT INTO webhook_delivery (webhook, entry, event, n_attempts, says, created_at) "
        "VALUES ('chat', 1, 'model:promoted', 1, 'ok', :at)",
    ],
    "0007": ["INSERT INTO alias (task, name, version_number, generation, changed_at, share) "
             "VALUES ('intents', 'canary', 1, 1, :at, 0.1)"],
    "0008": [
        "UPDATE account SET issuer = 'https://id.example', subject = 'u1', disabled_at = :at",
        "INSERT INTO provider_sign_in (state_hash, session_hash, nonce, verifier, wanted, expires_at) "
        "VALUES ('st', 'se', 'n', 'v', '/runs', :at)",
    ],
    "0009": ["UPDATE run SET kind = 'discovery'"],
    "0010": [
        "INSERT INTO run_lines (run_id, at, level, says) VALUES (1, :at, 'INFO', 'embedding')",
        "INSERT INTO dead_letter_notes (topic, \"partition\", \"offset\", reason, n_bytes, at) "
        "VALUES ('texts', 0, 7, 'no JSON', 3, :at)",
        "INSERT INTO discovery_maps (task, at, bank_version, version_number, n_texts, points) "
        "VALUES ('intents', :at, 3, 2, 1, '[{\"text\": \"환불\"}]')",
        "INSERT INTO discovery_requests (task, actor, reason, at) VALUES ('intents', 'ada', 'look', :at)",
        "INSERT INTO bank_days (task, day, n_texts) VALUES ('intents', '2026-01-02', 5)",
    ],
    "0011": ["INSERT INTO bundle_signature (digest, fingerprint, signature, actor, signed_at) "
             "VALUES ('d', 'f', 's', 'ada', :at)"],
    "0012": ["INSERT INTO alias (task, name, version_number, generation, changed_at, from_at, terms) "
             "VALUES ('intents', 'next', 1, 1, :at, :at, '{\"actor\": \"ada\"}')"],
}
REVISIONS = [script.revision for script in
             reversed(list(ScriptDirectory.from_config(alembic_config()).walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    return f"sqlite:///{tmp_path}/registry.db" if request.param == "sqlite" else fresh_database(
        request.getfixturevalue("postgres_url"))


def fill(engine: Engine, reached: str) -> None:
    """Insert what users of the releases up to this one have, without the code that knows the newest tables."""
    at = f"'{AT}'" if engine.dialect.name == "sqlite" else f"'{AT}+00'"
    with engine.begin() as connection:
        for name in REVISIONS[:REVISIONS.index(reached) + 1]:
            for statement in ROWS.get(name, []):
                connection.exec_driver_sql(statement.replace(":at", at))
        table = Table("auditentry", MetaData(), autoload_with=connection)
        connection.execute(table.insert(), chained(3))


def chained(n_entries: int) -> list[dict[str, Any]]:
    previous, found = audit.GENESIS, []
    for number in range(1, n_entries + 1):
        entry = AuditEntry(number=number, at=datetime(2026, 1, 2, 3, 4, 5, number, UTC), actor="ada", reason="좋다",
                           action="model:promoted", subject=f"intents v{number}", details={"share": 0.1},
                           previous_hash=previous, hash="")
        previous = entry.hash = audit.hash_of(entry)
        found.append(entry.model_dump())
    return found


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, JSON and moments as values."""
    there = MetaData()
    there.reflect(engine)
    with engine.connect() as connection:
        return {name: [dict(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns))
                       .mappings()] for name, table in there.tables.items() if name != "alembic_version"}


@pytest.mark.parametrize("released", REVISIONS)
def test_a_registry_of_an_earlier_release_upgrades_with_its_data(url, released):
    migrate(url, released)
    engine = create_engine(url)
    fill(engine, released)
    before = contents(engine)
    assert all(before.values()) or released > max(ROWS), [name for name, rows in before.items() if not rows]

    migrate(url)
    opened = open_database(url)
    after = contents(opened)
    for table, rows in before.items():
        columns = set(rows[0]) if rows else set()
        assert [{name: row[name] for name in row if name in columns} for row in after[table]] == rows, table
    with Session(opened) as session:
        assert audit.verify_chain(session) == 3
    engine.dispose()
    opened.dispose()


def test_an_earlier_release_refuses_a_registry_of_a_later_one_and_changes_nothing(url):
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (migrate, open_database):
        with pytest.raises(RegistryError, match=r"revision 9999, this release knows .*restore a backup"):
            attempt(url)
    assert revision(engine) == "9999" and newest_revision() != "9999"
    engine.dispose()
