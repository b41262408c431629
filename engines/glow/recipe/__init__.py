"""How the shipped base was made: text, corpus, training. Not needed to use it."""
