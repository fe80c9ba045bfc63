"""Watching a cluster: its nodes, what they say of themselves, and what the staff did last."""
