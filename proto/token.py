"""How a person's token is recognised, and under which name it is passed on by a door that serves many."""

#: what a person's token begins with; no other token that a door knows does
PREFIX = "myna_"
#: metadata key of a token that is not the caller's own: whoever asked the door
ON_BEHALF = "myna-on-behalf"
