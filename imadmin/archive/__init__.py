"""Messages: today the server's own search, its permalinks and revealed bodies; the archive joins later."""
