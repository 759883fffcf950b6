"""The content-addressed store and the model bundle."""
