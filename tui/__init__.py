"""Everything a person runs: the command line, the player, and (an issue of its own) the dashboard. Imports `proto` only."""
