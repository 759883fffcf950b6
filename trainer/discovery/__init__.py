"""Class discovery: groups of texts that look like classes of their own, described for a person who decides."""
