"""Continuous work: the poller that watches clusters, the sockets that tell browsers, the webhook's door."""
