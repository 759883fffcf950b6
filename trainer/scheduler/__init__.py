"""The scheduled loop: tick, facts, decision with a reason, run."""
