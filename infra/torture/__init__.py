"""Breaks a running installation at random, by seed, and checks what must hold all the same."""
