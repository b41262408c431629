"""The smallest engine that goes the whole way: it learns how a voice is spread over frequencies, and speaks noise of
that colour."""
