"""Tokenizers: text as numbers, each with its place in the text; built, loaded, told apart by content."""
