"""Webhooks: the audit log told to other systems, signed and retried."""
