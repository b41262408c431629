"""One script per headline number. Each prints one line a bar: `name · measured · bar · holds` or `· falls short`."""
