"""Training signals: one file, one signal."""
