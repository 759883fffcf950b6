"""Masks personal data before it touches the disk."""

from ingest.masking.masker import Masker

__all__ = ["Masker"]
