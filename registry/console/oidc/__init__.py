"""Signing in through the organization's own provider (OpenID Connect)."""
