"""Examples out of shards for training: their order, batches, padding, packing."""
