"""Benchmarks: each measures us against a ceiling in the same run."""
