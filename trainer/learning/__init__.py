"""Learning: labeled and unlabeled vectors in, a head out."""
