"""Folders of models: found, checked, read, written. None of their code is run, nothing is unpickled."""
