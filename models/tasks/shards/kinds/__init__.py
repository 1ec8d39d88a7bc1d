"""Kinds of questions: what is kept of the answers to each, and how they are scored; a file is a kind."""
