"""One module per command of `hypermatch`, imported only when it runs."""
