"""What `kbtools eval` measures by running a model."""
