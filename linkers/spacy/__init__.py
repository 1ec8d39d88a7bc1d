"""Everything that touches spaCy: its pipelines find mentions, and ours works inside its pipelines."""
