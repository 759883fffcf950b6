"""Kafka to data bank: exactly once, deduplicated, with personal data masked at the door."""
