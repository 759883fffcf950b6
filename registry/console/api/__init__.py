"""The JSON API: one table of operations, what each carries and does, and the document that tells all of it."""
