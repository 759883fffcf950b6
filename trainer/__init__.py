"""Learns models from labels and traffic, proves them, and proposes them for approval."""
