"""The `hypermatch` command and what starts and joins the processes."""
