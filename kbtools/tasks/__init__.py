"""Evaluations that compare answers with what is right, one file each; `kbtools eval` lists them."""
