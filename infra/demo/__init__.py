"""The demo: the whole loop on BANKING77, told as it happens."""
