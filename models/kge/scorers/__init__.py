"""Scorers of triples: one file each; a new file is a new choice."""
