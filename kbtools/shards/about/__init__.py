"""What is told of shards that are there: what they are, some examples in words, whether they are sound."""
