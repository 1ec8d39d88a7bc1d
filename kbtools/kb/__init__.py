"""The Parquet tables of a knowledge base: schemas, finishing, reading, comparing."""
