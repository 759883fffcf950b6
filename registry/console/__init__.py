"""The web console: people approve, label and watch in a browser; programs do the same through the JSON API."""
