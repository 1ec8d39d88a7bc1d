"""Shards in, weights out."""
