"""Masking: which tokens are chosen to be predicted, and what the model sees in their place."""
