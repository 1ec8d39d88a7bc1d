"""Candidate indexes: fuzzy (names spelt otherwise), dense (meanings), and the two fused with the alias table."""
