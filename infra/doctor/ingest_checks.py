"""What the doctor checks between Kafka and the bank: reachable, nothing lost, nothing ahead, what waits."""

from infra.doctor.finding import Check, Ill
from ingest.bank import DataBank
from ingest.dead_letters import stored
from ingest.health import bank_against_kafka
from ingest.settings import IngestSettings

MANY = 1_000


def ingest_checks(bank: DataBank, settings: IngestSettings) -> list[tuple[str, Check]]:
    return [
        ("bank", lambda: check_bank(bank)),
        ("bank and Kafka", lambda: check_offsets(bank, settings)),
        ("dead letters", lambda: check_dead_letters(settings)),
    ]


def check_bank(bank: DataBank) -> str:
    stats = bank.stats()
    return f"{stats['rows']:,} rows in {stats['files']:,} files at version {stats['version']}"


def check_offsets(bank: DataBank, settings: IngestSettings) -> str:
    """The bank is neither beyond Kafka nor behind what Kafka still holds."""
    standings = bank_against_kafka(bank, settings)
    for standing in standings:
        where = f"{standing.topic}[{standing.partition}]"
        if standing.is_ahead:
            raise Ill(f"the bank read {where} up to {standing.bank_offset}, Kafka ends at {standing.end}",
                      "the topic was made anew: use another bank folder or another topic")
        if standing.n_lost:
            raise Ill(f"Kafka deleted {standing.n_lost:,} messages of {where} before they were banked",
                      "lengthen the topic's retention and run more ingest processes")
    return f"{len(standings)} partitions, {sum(standing.lag for standing in standings):,} messages wait"


def check_dead_letters(settings: IngestSettings) -> str:
    n = sum(1 for _ in stored(settings, limit=MANY))
    return f"{n}{' or more' if n == MANY else ''}" + (" (`hypermatch ingest dead-letters list`)" if n else "")
