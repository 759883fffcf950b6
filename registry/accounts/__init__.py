"""Who uses the console and the API: accounts, roles, sessions and tokens."""
