"""What is kept how long, and what goes when the disk is short (docs/keeping.md).

`keep_settings` of the daemon says how long; `values` names what can go, and why; `find` looks, and changes nothing;
`cleaning` does it, when asked and by itself. Never looked at here: recordings, clips,
datasets, promoted versions, candidates, archived versions, the inbox.
"""
