"""Sentence trees: what a knowledge base says of a sentence's names, as branches of it (K-BERT)."""
