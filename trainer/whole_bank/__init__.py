"""Work on every text of the bank, in one process or on a Ray cluster, with the same result."""
