"""A version's package, from its stream to the home: nothing of it is in a voice before all of it is known to be right,
and its folder comes with one rename."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from daemon.home import identity
from daemon.kinds.unpack.aside import Aside, move
from daemon.kinds.unpack.unpacking import check_voice, take_consent
from daemon.machine.disk_space import folder_size
from daemon.package import version as package
from daemon.package.archive import BadPackage
from daemon.package.header import Header, table
from daemon.package.version import ABOUT, OWN, SAMPLES, Manifest
from daemon.worker import versions
from daemon.worker.job import Channel
from engines import foreign, registry
from engines.errors import BadInput, EngineError
from engines.files import sync_folder
from proto import worker_pb2 as wire


class NotYet(EngineError):
    """The package is good, and this Myna lacks what it needs: it is left where it is."""


class VersionUnpacking:
    """As `daemon.kinds.unpack.unpacking.Unpacking`."""

    def __init__(self, plan: wire.UnpackPlan, channel: Channel, aside: Aside) -> None:
        self.plan = plan
        self.place = plan.version
        self._engine = ""
        self.channel = channel
        self.aside = aside

    def run(self, header: Header) -> str:
        """All of it. Raises BadPackage and BadInput for what is not taken, NotYet and WeightsMissing for what cannot be
        taken yet, DiskFull. Returns what was in it."""
        self._check(header)
        found = package.read_manifest(self.aside.reader, header)
        self._check_base(found)
        was = f"{found.version.voice}@{found.version.number}"
        if same := self._already(found):
            return f"The package has {was}, which is here already as {self.plan.voice}@{same}: nothing has changed."
        folder = Path(self.place.dir)
        mark = identity.Mark(self.place.home_uuid, self.place.run_uuid)
        if not identity.is_of(folder, mark.run):  # else an attempt before this one put it there
            self._take(header, found, mark)
        about = versions.lineage(folder)
        if about is None:
            raise BadInput(f"{folder} is incomplete.", "Move it away, then import the package again.")
        came = wire.VersionUnpacked(
            version=found.version, about_json=json.dumps(about, sort_keys=True), size=folder_size(folder)
        )
        take_consent(found.consent, self.plan, self.channel)
        self.channel.commit(wire.Report(version_unpacked=came))
        return f"The package has {was}."

    def _take(self, header: Header, found: Manifest, mark: identity.Mark) -> None:
        self.aside.read(found.files)
        own, folder = self.aside.folder / OWN, Path(self.place.dir)
        try:
            foreign.check(own)
        except BadInput as error:
            raise BadPackage(str(error), error.hint) from None
        about = package.about_here(table((own / ABOUT).read_bytes(), ABOUT), found.version, self._here())
        samples = Path(self.place.samples_dir)
        shutil.rmtree(samples, ignore_errors=True)  # of an attempt that was killed: the number is this import's
        for name in sorted(name for name in found.files if name.startswith(f"{SAMPLES}/")):
            move(self.aside.folder / name, samples / Path(name).name)
        if samples.is_dir():
            sync_folder(samples)

        def save(empty: Path) -> None:
            for path in sorted(own.iterdir()):
                if path.name != ABOUT:
                    move(path, empty / path.name)

        self.aside.keep(header, found.body)
        versions.write(folder, save, about, mark)

    def _here(self) -> dict[str, Any]:
        """What version.json says of where it is now."""
        return {
            "voice": self.plan.voice,
            "version": self.place.number,
            "parent": 0,
            "parent_uuid": "",
            "dataset": 0,
            "run": self.place.run,
            "run_uuid": self.place.run_uuid,
            "home": self.place.home_uuid,
            "licence": registry.info(self._engine).licence,
        }

    # ------------------------------------------------------------------------------------- before anything is written

    def _check(self, header: Header) -> None:
        """Whether there is an engine for it that may work, and a voice that can have it."""
        if not self.plan.HasField("version"):
            raise NotYet("The package has changed since its import began.", "Import it again.")
        self._engine = header.whose.engine
        try:
            info = registry.info(self._engine)
        except BadInput as error:
            raise BadPackage(f"It is of an engine that is not here. {error}", error.hint) from None
        check_voice(self.plan, header)
        if self._engine not in self.plan.accepted:
            raise NotYet(
                f"The package's version rests on weights under the {info.licence}, which nobody accepted here yet.",
                f"Read it at {info.licence_url}, then `myna engines accept {info.name}`, and import the package again "
                f"(from the inbox: `myna retry {self.channel.job}`).",
            )

    def _check_base(self, found: Manifest) -> None:
        here = registry.learner(self._engine).base_fingerprint(), registry.base_weights(self._engine)
        if here != (found.version.base, found.version.base_weights):
            raise BadPackage(
                f"It was trained on another base of {self._engine} than the one here.",
                "Use the same base on both machines: a version holds only what it changes of it.",
            )

    def _already(self, found: Manifest) -> int:
        """Number of the version here that has the same weights; 0: there is none."""
        weights = found.weights
        wanted = package.digest({name: member.sha256 for name, member in weights.items()})
        sizes = {name: member.size for name, member in weights.items()}
        for folder in map(Path, self.plan.version.there):
            here = sorted(folder.glob(f"*{package.WEIGHTS}"))
            if {path.name: path.stat().st_size for path in here} != sizes:
                continue
            if package.digest({path.name: self._digest(path) for path in here}) == wanted:
                return int(folder.name)
        return 0

    def _digest(self, path: Path) -> str:
        self.channel.check()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
