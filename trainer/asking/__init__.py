"""Asking: which texts a person should label next, and why these."""
