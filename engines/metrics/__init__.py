"""How good speech is, by numbers: intelligibility, similarity, quality, timing and pitch; and the rule that keeps or
rejects a version."""
