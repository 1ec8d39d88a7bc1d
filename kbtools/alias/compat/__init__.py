"""Other systems' estimates of p(e|m), over our counts: a file here is a choice of `--compat`."""
