"""Why ssh did not get through, in plain words, from what it writes."""

from __future__ import annotations

from collections.abc import Sequence

from proto.channel import ClientError
from tui.ssh.destination import Destination

#: what ssh writes (in small letters) → (sentence, what to do, code)
EXPLANATIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "remote host identification has changed",
        "The key of {host} is not the one that ssh knows: it may be another machine.",
        "If it was set up anew: `ssh-keygen -R {host}`, then `ssh {to}` and compare the key it shows.",
        "PERMISSION_DENIED",
    ),
    (
        "host key verification failed",
        "The key of {host} is not known here.",
        "`ssh {to}` once at a terminal shows its key and asks.",
        "PERMISSION_DENIED",
    ),
    (
        "permission denied",
        "{host} does not let you in as {user}.",
        "`ssh {to}` must work first: see to the user's name and the key (ssh-add -l lists those of the agent).",
        "PERMISSION_DENIED",
    ),
    (
        "too many authentication failures",
        "{host} does not let you in as {user}: too many keys were tried.",
        "Name the right key for it in ~/.ssh/config (IdentityFile, IdentitiesOnly yes).",
        "PERMISSION_DENIED",
    ),
    (
        "could not resolve hostname",
        "There is no host named {host}.",
        "See to its name, or to your network.",
        "UNAVAILABLE",
    ),
    (
        "connection refused",
        "{host} takes no SSH connections there.",
        "See to the port (user@box:PORT), and that sshd runs.",
        "UNAVAILABLE",
    ),
    ("timed out", "{host} does not answer.", "See that it is on, and to your network or VPN.", "UNAVAILABLE"),
    ("no route to host", "{host} cannot be reached.", "See that it is on, and to your network or VPN.", "UNAVAILABLE"),
    ("network is unreachable", "{host} cannot be reached.", "See to your network or VPN.", "UNAVAILABLE"),
    ("not responding", "The link to {host} broke.", "See to your network or VPN.", "UNAVAILABLE"),
)


def is_explained(line: str) -> bool:
    """Is this line one whose meaning we say ourselves?"""
    small = line.lower()
    return any(part in small for part, *_ in EXPLANATIONS)


def problem(to: Destination, written: Sequence[str], code: int | None) -> ClientError:
    """What went wrong, from ssh's last lines and exit code."""
    text = "\n".join(written).lower()
    user, _, _ = to.login.rpartition("@")
    for part, sentence, hint, status in EXPLANATIONS:
        if part in text:
            words = {"host": to.host, "user": user or "this user", "to": to.login}
            return ClientError(sentence.format(**words), hint.format(**words), status)
    last = next((line.strip().rstrip(".") for line in reversed(written) if line.strip()), "")
    said = f": {last}." if last else f" (exit code {code})." if code else "."
    return ClientError(f"ssh could not keep a link to {to}{said}", f"`ssh {to.login}` must work first.", "UNAVAILABLE")
