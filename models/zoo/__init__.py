"""Models: a `.py` file is how one is put together, a `.toml` beside it how it was published."""
