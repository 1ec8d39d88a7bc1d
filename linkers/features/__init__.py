"""What speaks for a candidate; one feature = one file, a number for each candidate of a block."""
