"""Which clusters exist, how they are reached, and who may touch them."""
