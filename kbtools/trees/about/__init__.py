"""What is told of trees that are there: what they are, whether they are sound, what changed."""
