"""What happened: an append-only trail in which every row carries the hash of the one before it."""
