"""Heads: what turns states into answers; a file is a kind of head."""
