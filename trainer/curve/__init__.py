"""The data-performance curve: what more labels would be worth, and how many a target needs."""
