"""The gate: may this candidate be shown to a person, and why."""
