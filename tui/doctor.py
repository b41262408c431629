"""What is wrong with this machine, and how to mend it: the checks that need no daemon, joined with those of a running
one.

Nothing heavy is imported here: torch is tried in a process of its own, for only that shows whether it really loads.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from proto import myna_pb2 as pb
from proto import people_toml
from proto.client import Client, ClientError
from proto.findings import PACKAGES, note, ok, package, problem, python
from proto.home import socket_path
from proto.people_toml import BadToml
from tui import wording

LOW_DISK = 5_000_000_000  #: bytes free below which a training may not fit
TORCH = "import torch; print(torch.__version__, torch.cuda.is_available(), torch.version.cuda or '', sep='|')"
SLOW = 120  #: seconds torch may take to load from a cold disk


def examine(client: Client) -> list[pb.Finding]:
    """All findings. Of a remote daemon only its own, and whether we can play what it speaks."""
    from_daemon: list[pb.Finding] = []
    where = client.address
    try:
        from_daemon = client.doctor()
        daemon = ok("daemon", f"A daemon answers at {where}.")
    except ClientError as error:
        daemon = (note if error.code == "UNAVAILABLE" and not where.remote else problem)(
            "daemon", error.sentence, error.hint
        )
    checks: list[Callable[[], pb.Finding]] = [python, audio]
    if not where.remote:
        home = where.home
        checks += [
            torch,
            gpu,
            espeak,
            lambda: whisper(home),
            lambda: state_folder(home),
            lambda: settings(home),
            lambda: inbox(home),
            lambda: disk(home),
        ]
        checks += [lambda: socket(home), inotify, *((lambda row=row: package(*row)) for row in PACKAGES)]  # type: ignore[misc]
    return merge([daemon, *(check() for check in checks)], from_daemon)


def merge(here: Iterable[pb.Finding], from_daemon: Iterable[pb.Finding]) -> list[pb.Finding]:
    """Both, each name once: the worse of the two, and of equals the daemon's, for it is the one that works."""
    rank = {"problem": 0, "note": 1, "ok": 2}
    every: dict[str, list[pb.Finding]] = {}
    for finding in [*from_daemon, *here]:
        every.setdefault(finding.name, []).append(finding)
    result = []
    for findings in every.values():
        worst = min(rank.get(finding.state, 1) for finding in findings)
        kept = [finding for finding in findings if rank.get(finding.state, 1) == worst]
        result += kept[:1] if worst == rank["ok"] else list({finding.sentence: finding for finding in kept}.values())
    return sorted(result, key=lambda finding: rank.get(finding.state, 1))


def torch() -> pb.Finding:
    """Does it load, and does it see the GPU?"""
    try:
        tried = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=SLOW, check=False)
    except subprocess.TimeoutExpired:
        return problem(
            "torch", f"torch did not load within {SLOW} s.", "See whether the disk is busy or full, then try again."
        )
    if tried.returncode:
        last = (tried.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return problem(
            "torch",
            f"torch does not load: {last}.",
            "`make setup` installs it (pip install torch==2.13.0, by itself and first).",
        )
    number, cuda, build = tried.stdout.strip().split("|")
    if cuda == "True":
        return ok("torch", f"torch {number}, with CUDA {build}.")
    if shutil.which("nvidia-smi"):
        hint = "Install a CUDA build of the same version, or a driver that is new enough for it."
        return problem("torch", f"torch {number} does not see the GPU of this machine.", hint)
    return ok("torch", f"torch {number}, on the CPU.")


def gpu() -> pb.Finding:
    """The driver, as it speaks of itself. (A running daemon knows more, through NVML.)"""
    program = shutil.which("nvidia-smi")
    if not program:
        return note(
            "gpu",
            "There is no NVIDIA driver on this machine; work runs on the CPU.",
            "Everything works without one, only slower.",
        )
    query = [program, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return problem(
            "gpu", f"nvidia-smi does not work: {error}.", "Reinstall the driver, or restart after its update."
        )
    cards = [" · ".join(part.strip() for part in row.split(",")) for row in asked.stdout.strip().splitlines()]
    return (
        ok("gpu", "; ".join(cards) + ".")
        if cards
        else note("gpu", "The driver is there, but no GPU.", "See whether it is switched on.")
    )


def audio() -> pb.Finding:
    """Can `myna say` play here?"""
    from tui.player import Player

    try:
        Player()
    except ClientError as error:
        return note("audio", error.sentence, error.hint)
    return ok("audio", "There is a sound output.")


def espeak() -> pb.Finding:
    if shutil.which("espeak-ng"):
        return ok("espeak-ng", "espeak-ng is installed.")
    hint = "English works without it. Other languages: install the package espeak-ng."
    return note("espeak-ng", "espeak-ng is not installed; phonemes come from gruut.", hint)


def whisper(home: Path) -> pb.Finding:
    """Weights for hearing recordings without a text."""
    named = os.environ.get("MYNA_WHISPER")
    folder = Path(named) if named else home / "weights" / "whisper"
    found = next((path.parent for path in (folder / "model.bin", *folder.glob("*/model.bin")) if path.is_file()), None)
    if found:
        return ok("whisper", f"Whisper hears recordings ({found.name}).")
    if named:
        return problem(
            "whisper",
            f"MYNA_WHISPER names {folder}, which holds no model.bin.",
            "Name a folder of faster-whisper weights.",
        )
    hint = (
        f"`myna engines fetch whisper-large-v3` brings better ears, or put a faster-whisper model into {folder}/NAME/ "
        f"(model.bin, config.json, tokenizer.json, vocabulary)."
    )
    return note(
        "whisper",
        "No Whisper weights: recordings without text are heard by PocketSphinx (English only, low trust).",
        hint,
    )


def state_folder(home: Path) -> pb.Finding:
    """Is the state ours, and ours alone?"""
    try:
        about = home.stat()
    except FileNotFoundError:
        parent = next((folder for folder in home.parents if folder.exists()), home)
        if os.access(parent, os.W_OK):
            return ok("home", f"State will be kept in {home}.")
        return problem("home", f"{home} cannot be made.", "Set MYNA_HOME to a folder of yours.")
    except OSError as error:
        return problem("home", f"{home} cannot be read: {error.strerror}.", "Set MYNA_HOME to a folder of yours.")
    if not stat.S_ISDIR(about.st_mode):
        return problem("home", f"{home} is not a folder.", "Set MYNA_HOME to a folder.")
    if not os.access(home, os.W_OK | os.X_OK):
        return problem("home", f"{home} cannot be written by you.", f"See who owns it: ls -ld {home}")
    if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
        return problem("home", f"Anybody on this machine can write {home}.", f"chmod o-w {home}")
    return ok("home", f"State is kept in {home}.")


def settings(home: Path) -> pb.Finding:
    """Can myna.toml be read? What its settings may be mynad says when it starts."""
    file = home / "myna.toml"
    try:
        people_toml.loads(file.read_bytes())
    except FileNotFoundError:
        return ok("settings", "There is no myna.toml: every setting is as it comes.")
    except BadToml as error:
        return problem("settings", f"{file} {error.sentence}", error.hint)
    except OSError as error:
        return problem("settings", f"{file} cannot be read: {error.strerror}.", f"See whose it is: ls -l {file}")
    return ok("settings", f"{file} can be read.")


def inbox(home: Path) -> pb.Finding:
    folder = home / "inbox"
    if not folder.exists():
        return ok("inbox", f"The inbox {folder} is made when the daemon starts.")
    if os.access(folder, os.W_OK | os.X_OK):
        return ok("inbox", f"The inbox is {folder}.")
    return problem("inbox", f"The inbox {folder} cannot be written.", f"See who owns it: ls -ld {folder}")


def disk(home: Path) -> pb.Finding:
    folder = next((folder for folder in (home, *home.parents) if folder.exists()), Path("/"))
    usage = shutil.disk_usage(folder)
    said = f"{wording.size(usage.free)} of {wording.size(usage.total)} free where {home} is."
    return problem("disk", said, "Free some: a training may not fit.") if usage.free < LOW_DISK else ok("disk", said)


def socket(home: Path) -> pb.Finding:
    """Would the path fit, and can only we open it?"""
    path = socket_path(home)
    length = len(os.fsencode(path))
    if length > 107:  # sun_path of Linux, less its closing zero
        return problem(
            "socket",
            f"The socket's path {path} has {length} bytes; 107 are allowed.",
            "Set MYNA_HOME to a shorter path.",
        )
    if path.is_socket() and path.stat().st_mode & 0o077:
        return problem(
            "socket", f"Others on this machine can open {path}.", f"chmod 600 {path}, or restart the daemon."
        )
    return ok("socket", f"The socket is {path}.")


def inotify() -> pb.Finding:
    """Does the kernel let the inbox be watched? Without, it is looked through now and then."""
    try:
        watches = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
        instances = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    except (OSError, ValueError):
        return note("inotify", "This system has no inotify: the inbox is looked through now and then instead.")
    if watches < 8192 or instances < 32:
        hint = "sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=128"
        return note("inotify", f"Few folders can be watched ({watches} watches, {instances} instances).", hint)
    return ok("inotify", f"{watches:,} folders can be watched.")
