"""What an example is made of: one layout, one file."""
