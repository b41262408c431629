"""Speech as bytes of a format: the one place where audio is encoded, for the command line (files, pipes) and the doors
(streams). Imports none of ours; numpy and torch never enter it, but where libsndfile writes a file."""
