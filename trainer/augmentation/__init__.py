"""Augmentation: other ways to say a text, and which of them still mean the same class."""
