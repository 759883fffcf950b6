"""Drift: windows of the bank against a reference, with a stated rate of false alarms."""
