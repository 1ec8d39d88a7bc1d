"""What examples have beside their tokens: one view, one file."""
