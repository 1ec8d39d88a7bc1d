"""What knowledge is worth to a model: worlds whose answers lie in the knowledge base alone, and controls."""
