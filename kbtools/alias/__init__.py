"""Names to candidates: counts, priors, the compiled look-up and what reads it."""
