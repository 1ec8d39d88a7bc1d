"""From features to probabilities, with one for none of the candidates; one rule = one file."""
