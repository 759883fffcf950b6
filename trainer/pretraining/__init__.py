"""Pretrains encoders on a bank's own text, and keeps them with a card that says what they were made of."""
