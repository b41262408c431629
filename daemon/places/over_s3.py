"""Places in S3, or in what speaks as it does, through s3fs.

A file goes up in parts. What an attempt before has sent is asked for (ListParts), and a part that is there with our
bytes (its ETag is their MD5) is not sent again; where a server's ETags are something else, all parts are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.places.over_fsspec import FsspecRemote
from daemon.places.place import Place, Scheme
from daemon.places.remote import BLOCK, Tell
from daemon.push_settings import Push
from engines.errors import BadInput

if TYPE_CHECKING:
    from s3fs import S3FileSystem

#: Bytes of a part, at least (S3 takes 10,000 of them, each of 5 MiB or more).
PART, PARTS = 16 << 20, 9_000

#: What servers that are not Amazon's want left out: checksums that not all of them know. What came is read back anyway.
PLAIN = dict.fromkeys(("request_checksum_calculation", "response_checksum_validation"), "when_required")


class S3Remote(FsspecRemote):
    """See `Remote`."""

    def __init__(self, files: S3FileSystem, bucket: str, folder: tuple[str, ...], part: int = PART) -> None:
        super().__init__(files, "/".join((bucket, *folder)))
        self.bucket = bucket
        self.part = part

    def send(self, file: Path, name: str, tell: Tell) -> None:
        size = file.stat().st_size
        length = max(self.part, -(-size // PARTS))
        if size <= length:
            self._call("put_object", name, Body=file.read_bytes())
            tell(size)
            return
        upload, there = self._begun(name)
        upload = upload or self._call("create_multipart_upload", name)["UploadId"]
        parts = []
        with file.open("rb") as here:
            for number in range(1, -(-size // length) + 1):
                body = here.read(length)
                etag = there.get(number, "")
                if etag.strip('"') != hashlib.md5(body, usedforsecurity=False).hexdigest():
                    sent = self._call("upload_part", name, UploadId=upload, PartNumber=number, Body=body)
                    etag = sent["ETag"]
                parts.append({"PartNumber": number, "ETag": etag})
                tell(min(number * length, size))
        self._call("complete_multipart_upload", name, UploadId=upload, MultipartUpload={"Parts": parts})

    def _begun(self, name: str) -> tuple[str, dict[int, str]]:
        """(the newest upload of the file that an attempt before began, or empty; the ETags of its parts)."""
        key = self._key(name)
        try:
            begun = self.files.call_s3("list_multipart_uploads", Bucket=self.bucket, Prefix=key).get("Uploads", [])
        except (PermissionError, NotImplementedError):  # who may write need not be allowed to ask
            begun = []
        ours = sorted((one for one in begun if one["Key"] == key), key=lambda one: one["Initiated"])
        if not ours:
            return "", {}
        upload, after = str(ours[-1]["UploadId"]), 0
        found: dict[int, str] = {}
        while True:
            page = self._call("list_parts", name, UploadId=upload, PartNumberMarker=after)
            found |= {int(one["PartNumber"]): str(one["ETag"]) for one in page.get("Parts", [])}
            if not page.get("IsTruncated"):
                return upload, found
            after = int(page["NextPartNumberMarker"])

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        self.files.invalidate_cache()
        with self.files.open(self.path(name), "rb", block_size=BLOCK) as there:
            there.seek(start)
            while block := there.read(BLOCK):
                yield block

    def _call(self, method: str, name: str, **how: Any) -> Any:
        return self.files.call_s3(method, Bucket=self.bucket, Key=self._key(name), **how)

    def _key(self, name: str) -> str:
        return self.path(name).removeprefix(f"{self.bucket}/")


def opened(place: Place, settings: Push, known: Mapping[str, str]) -> S3Remote:
    """A folder of a bucket. Raises BadInput for r2:// without its endpoint."""
    from s3fs import S3FileSystem

    r2 = place.scheme is Scheme.R2
    endpoint = settings.r2_endpoint if r2 else settings.s3_endpoint
    if r2 and not endpoint:
        raise BadInput(
            "r2:// has no server to ask.", "Set r2_endpoint in [push] of myna.toml, as the provider names it."
        )
    mine = "R2" if r2 and known.get("R2_ACCESS_KEY_ID") else "AWS"
    region = known.get("AWS_REGION") or known.get("AWS_DEFAULT_REGION") or ("auto" if r2 else None)
    files = S3FileSystem(
        key=known.get(f"{mine}_ACCESS_KEY_ID"),  # None: as botocore finds them, in ~/.aws
        secret=known.get(f"{mine}_SECRET_ACCESS_KEY"),
        token=known.get("AWS_SESSION_TOKEN") if mine == "AWS" else None,
        endpoint_url=endpoint or None,
        config_kwargs=PLAIN if endpoint else {},
        client_kwargs={"region_name": region} if region else {},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return S3Remote(files, place.host, place.path)
