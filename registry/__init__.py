"""Tables, events, artifacts, promotion and audit: what every other folder agrees on."""
