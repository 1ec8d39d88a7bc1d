"""Vectors of text from a model that is not trained any further: the feature-based use."""
