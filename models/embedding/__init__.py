"""Vectors of words and entities that come from texts: see `description` and `sgns`."""
