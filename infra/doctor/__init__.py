"""Checks that an installation is as it should be."""
