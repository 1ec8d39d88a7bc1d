"""Text in, links out."""
