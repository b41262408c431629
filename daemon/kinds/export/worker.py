"""Writing a version in the format of its engine's own tools, in a worker of the CPU lane: one tar file, whole or not
there."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from daemon.worker import versions
from daemon.worker.job import Channel
from engines import registry
from engines.errors import WeightsMissing
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_file, sync_folder
from proto import worker_pb2 as wire


def run(plan: wire.ExportPlan, channel: Channel) -> str:
    """Write the file. Raises WeightsMissing for a version that is not whole, DiskFull, and what the engine raises."""
    version, file = Path(plan.version_dir), Path(plan.file)
    if versions.lineage(version) is None:
        raise WeightsMissing(f"The folder of {plan.version_name} is missing or incomplete.", f"It should be {version}.")
    make_folder(file.parent)
    aside = file.with_name(
        f"{TEMPORARY}{file.name}"
    )  # one job writes a file at a time: what lies there is from a killed one
    folder = aside.with_suffix("")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with disk_full_is_a_sentence("the export"):
            channel.progress(0, 2, "parts", f"writing {plan.version_name} as {plan.format}")
            registry.exporter(plan.engine).export(version, folder, plan.format)
            channel.check()
            channel.progress(1, 2, "parts", "putting the files into one")
            with tarfile.open(aside, "w") as tar:
                for path in sorted(folder.iterdir()):
                    tar.add(path, f"{file.stem}/{path.name}")
            sync_file(aside)
            aside.replace(file)
            sync_folder(file.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        aside.unlink(missing_ok=True)
    return f"{plan.version_name} is written as {plan.format}: {file.stat().st_size / 1e6:.0f} MB in {file}."
