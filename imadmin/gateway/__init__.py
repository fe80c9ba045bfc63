"""The only code that speaks to an IM cluster.  Typed, async, without Django: importable alone."""
