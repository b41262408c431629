"""Everything a person runs: the command line, the player and the dashboard. Imports `proto` only."""
