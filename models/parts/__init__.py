"""What models are put together from: encoders, pooling, heads."""
