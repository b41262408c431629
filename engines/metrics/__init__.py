"""How good speech is, by numbers: intelligibility, speaker similarity, quality, timing and pitch; and the rule that keeps or rejects a version."""
