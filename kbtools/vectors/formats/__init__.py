"""Formats of vectors: a file here is a format that `kbtools embed --model FORMAT:PATH` and export know."""
