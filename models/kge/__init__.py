"""Embeddings of knowledge graphs: triples in, a vector for each entity and relation out."""
