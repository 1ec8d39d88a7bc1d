"""One knowledge base is one module here: it reads one dump format. The folder is the registry."""
