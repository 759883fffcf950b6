"""The data bank: production text on Delta Lake, with the Kafka offsets it was read up to."""

from ingest.bank.bank import DataBank

__all__ = ["DataBank"]
