"""What an installation of a given size needs, and what of it breaks first: a calculation from measured constants."""
