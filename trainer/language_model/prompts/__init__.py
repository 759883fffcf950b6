"""Prompts as data, in English and Korean, and the safe way to fill them and to read the answers."""
