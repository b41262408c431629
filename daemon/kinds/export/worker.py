"""Writing a version in the format of its engine's own tools, or a dataset for others, in a worker of the CPU lane: one
file, whole or not there."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.kinds.export import layouts, packaging, version_package
from daemon.package import consent
from daemon.package.formats import Format
from daemon.worker import versions
from daemon.worker.job import Channel
from engines import registry
from engines.errors import WeightsMissing
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_file, sync_folder
from proto import worker_pb2 as wire


def run(plan: wire.ExportPlan, channel: Channel) -> str:
    """Write the file. Raises WeightsMissing for a version that is not whole, BadInput for a recording or a clip that
    has changed on the disk, DiskFull, and what the engine raises."""
    file = Path(plan.file)
    make_folder(file.parent)
    with disk_full_is_a_sentence("the export"), _whole(file) as aside:
        if plan.HasField("version"):
            what = version_package.write(plan, aside, channel)
        elif not plan.HasField("dataset"):
            what = _version(plan, aside, channel)
        elif plan.format == Format.MYNA:
            what = packaging.write(plan, aside, channel)
        else:
            what = layouts.write(plan, aside, channel)
    return f"{what}: {file.stat().st_size / 1e6:.0f} MB in {file}."


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Where to write it: after the block, that is `file`. One job writes a file at a time: what lies there is from a
    killed one."""
    aside = file.with_name(f"{TEMPORARY}{file.name}")
    try:
        yield aside
        sync_file(aside)
        aside.replace(file)
        sync_folder(file.parent)
    finally:
        aside.unlink(missing_ok=True)


def _version(plan: wire.ExportPlan, aside: Path, channel: Channel) -> str:
    version, name = Path(plan.version_dir), Path(plan.file).stem
    if versions.lineage(version) is None:
        raise WeightsMissing(f"The folder of {plan.version_name} is missing or incomplete.", f"It should be {version}.")
    folder = aside.with_suffix("")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        channel.progress(0, 2, "parts", f"writing {plan.version_name} as {plan.format}")
        registry.exporter(plan.engine).export(version, folder, plan.format)
        if plan.HasField("consent"):
            (folder / consent.FILE).write_text(consent.text(plan.consent), encoding="utf-8")
        channel.check()
        channel.progress(1, 2, "parts", "putting the files into one")
        with tarfile.open(aside, "w") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, f"{name}/{path.name}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{plan.version_name} is written as {plan.format}"
