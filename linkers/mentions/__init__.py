"""Where mentions come from; one way of finding some = one file. In a linker they run in order."""
