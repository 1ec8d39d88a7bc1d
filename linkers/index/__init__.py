"""Candidate indexes: fuzzy (names spelt otherwise), dense (meanings), and fused with alias tables."""
