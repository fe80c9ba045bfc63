"""Scheduled and long work: thin tasks around actions, each run a row that tells its progress and its end."""
