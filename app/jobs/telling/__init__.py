"""What persons are told of what has happened: which facts, in which words, and to whom."""
