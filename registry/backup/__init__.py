"""Backup and restore: the registry as portable rows, and the artifacts that it names."""
