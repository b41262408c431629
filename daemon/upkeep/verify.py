"""Are the backups whole? All that their lists name is read back."""

from __future__ import annotations

from daemon.upkeep.depot import DAMAGED, Depot
from daemon.upkeep.manifest import DamagedList, hash_of
from daemon.upkeep.quiet import Pace, Rate
from daemon.upkeep.values import Checked, Finding, Kind, Phase, Progress, Sort, Tell, nobody


def verify(depot: Depot, *, rate: Rate = 0.0, tell: Tell = nobody) -> Checked:
    """Read every object that a snapshot names, and hold it against its hash. Damaged ones are renamed beside
    themselves. The depot must be locked."""
    found, pace, named = Checked(), Pace(rate), dict[str, tuple[str, str, int]]()

    def tell_of(one: Finding) -> None:
        found.findings.append(one)
        tell(one)

    for id in reversed(depot.ids()):
        try:
            for one in depot.read(id).every:
                named.setdefault(one.sha256, (one.path, id, one.size))
        except DamagedList as error:
            tell_of(Finding(Kind.SNAPSHOT, Sort.BACKUP, id, str(error)))
    total = sum(size for _, _, size in named.values())

    def read(size: int) -> None:
        found.size += size
        pace.read(size)
        tell(Progress(Phase.READING, found.size, total))

    for sha256, (path, id, _) in sorted(named.items(), key=lambda item: item[1]):
        place = depot.object(sha256)
        try:
            with place.open("rb") as file:
                good = hash_of(file, read) == sha256
        except FileNotFoundError:
            tell_of(Finding(Kind.OBJECT, Sort.BACKUP, path, id, sha256=sha256))
            continue
        except OSError:
            tell_of(Finding(Kind.UNREADABLE, Sort.BACKUP, path, id, sha256=sha256))
            continue
        found.files += 1
        if not good:
            place.rename(place.with_name(f"{sha256}{DAMAGED}"))
            tell_of(Finding(Kind.OBJECT, Sort.BACKUP, path, id, sha256=sha256))
    return found
