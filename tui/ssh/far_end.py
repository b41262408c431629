"""What is asked on the other side: where its daemon's socket is. One POSIX shell script, run by whatever shell the
account has."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from proto.channel import ClientError
from tui.ssh.destination import Destination

MARK = "myna"  #: begins every line of ours: an account's shell may write lines of its own
END = f"{MARK} end"
LISTENING = "/proc/net/unix"  #: where Linux lists sockets

# No single quotes and no line breaks: every shell takes it as one word then. At its end it reads until we hang up, so
# that the link lives exactly as long as we do, however we die.
SCRIPT = " ".join(
    (
        'home=$1; list=$2; case $home in "~") home=$HOME ;; "~/"*) home=$HOME/${home#??} ;; esac;',
        'tell() { if [ -S "$2/run/mynad.sock" ]; then there=yes; else there=no; fi; printf "myna '
        '%s %s %s\\n" "$1" $there "$2"; };',
        'if [ -n "$home" ]; then tell given "$home"; fi;',
        'if [ -n "$MYNA_HOME" ]; then tell usual "$MYNA_HOME"; else tell usual '
        '"${XDG_STATE_HOME:-$HOME/.local/state}/myna"; fi;',
        'if [ -r "$list" ]; then while read -r a b c flags d e f path; do case $flags,$path '
        "in 00010000,/*/run/mynad.sock)",
        'if [ -w "$path" ]; then tell listens "${path%/run/mynad.sock}"; fi ;; esac; done < "$list"; fi;',
        'printf "myna end\\n"; exec cat > /dev/null',
    )
)


def command(home: str = "", listening: str = LISTENING) -> str:
    """The command line for the account's shell; `home`: the state folder that the person named."""
    return f"exec sh -c '{SCRIPT}' {MARK} {shlex.quote(home)} {shlex.quote(listening)}"


@dataclass
class FarEnd:
    """What the script said. Folders are state folders, as MYNA_HOME names them."""

    given: str = ""
    given_there: bool = False
    usual: str = ""  #: where a daemon is without further words
    usual_there: bool = False
    listens: list[str] = field(default_factory=list)  #: where daemons that we may use listen now (Linux)

    @classmethod
    def read(cls, lines: Iterable[str]) -> FarEnd:
        """From the script's lines."""
        found = cls()
        for line in lines:
            mark, _, rest = line.rstrip("\n").partition(" ")
            kind, _, rest = rest.partition(" ")
            there, _, folder = rest.partition(" ")
            if not folder.startswith("/"):
                continue
            match mark, kind:
                case "myna", "given":
                    found.given, found.given_there = folder, there == "yes"
                case "myna", "usual":
                    found.usual, found.usual_there = folder, there == "yes"
                case "myna", "listens" if folder not in found.listens:
                    found.listens.append(folder)
        return found

    def home(self, to: Destination) -> str:
        """The state folder of the daemon that is meant. Raises ClientError NOT_FOUND with what there is."""
        listed = ", ".join(self.listens)
        if self.given:
            if self.given_there:
                return self.given
            hint = f"Daemons run there in {listed}." if self.listens else f"Start it there: `ssh {to.login} mynad`."
            raise ClientError(f"No daemon runs on {to} in {self.given}.", hint, "NOT_FOUND")
        if self.usual in self.listens:
            return self.usual
        if len(self.listens) == 1:
            return self.listens[0]
        if self.listens:
            raise ClientError(
                f"{len(self.listens)} daemons run on {to}: {listed}.", "Choose one with --ssh-home FOLDER.", "NOT_FOUND"
            )
        if self.usual_there:  # not Linux, or a daemon that was killed: the first question will tell
            return self.usual
        hint = f"Start it there: `ssh {to.login} myna up`, or name its state folder with --ssh-home."
        raise ClientError(f"No daemon runs on {to} (looked in {self.usual}).", hint, "NOT_FOUND")
