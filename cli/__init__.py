"""`kbtools`: parse, call, print. One file a command."""
