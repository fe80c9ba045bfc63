"""Ratios, each against its baseline in the same run: `make bench`.  Absolute times here are no promise."""
