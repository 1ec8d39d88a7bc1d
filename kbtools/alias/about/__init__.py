"""Looking at alias tables: why a name means what, what changed, what there is, whether it is sound."""
