"""Finding names in running text: blocks, boundaries, spans, spellings, the punctuation around them."""
