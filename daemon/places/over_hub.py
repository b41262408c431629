"""Repositories of a hub of models, through huggingface_hub, which sends and fetches large files in pieces by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.places.place import Place
from daemon.places.remote import BLOCK, Tell
from engines.files import TEMPORARY


class HubRemote:
    """See `Remote`. A repository that is not there is made when something is sent, and is private."""

    def __init__(self, place: Place, known: Mapping[str, str], aside: Path) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()  # they would fill the job's log
        self.api = HfApi(token=known.get("HF_TOKEN") or None)
        self.repo = f"{place.host}/{place.path[0]}"
        self.folder = place.path[1:]
        self.aside = aside

    def size(self, name: str) -> int | None:
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            found = self.api.get_paths_info(self.repo, [self._path(name)])
        except RepositoryNotFoundError:
            return None
        return next((int(one.size) for one in found if hasattr(one, "size")), None)

    def send(self, file: Path, name: str, tell: Tell) -> None:
        tell(0)
        self.api.create_repo(self.repo, private=True, exist_ok=True)
        self.api.upload_file(
            path_or_fileobj=file, path_in_repo=self._path(name), repo_id=self.repo, commit_message=f"{name}, by Myna"
        )
        tell(file.stat().st_size)

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        with TemporaryDirectory(prefix=TEMPORARY, dir=self.aside) as aside:
            try:
                path = self.api.hf_hub_download(self.repo, self._path(name), local_dir=aside, force_download=True)
            except (EntryNotFoundError, RepositoryNotFoundError):
                raise FileNotFoundError(name) from None
            with Path(path).open("rb") as there:
                there.seek(start)
                while block := there.read(BLOCK):
                    yield block

    def _path(self, name: str) -> str:
        return "/".join((*self.folder, name))
