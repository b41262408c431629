"""Certificates made by openssl while a test runs: an authority, and what it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.own = Pair(folder / "ca.pem", folder / "ca.key")
        _openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2",
            "-subj",
            f"/CN={name}",
            "-keyout",
            self.own.key,
            "-out",
            self.own.cert,
        )

    def sign(self, name: str, *, expired: bool = False) -> Pair:
        """A certificate made out to a name, valid for two days or until long ago."""
        made = Pair(self.folder / f"{name}-{expired}.pem", self.folder / f"{name}-{expired}.key")
        request, alternative = self.folder / "request.pem", self.folder / "alternative"
        alternative.write_text(f"subjectAltName=DNS:{name}")
        _openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            made.key,
            "-out",
            request,
        )
        database = self.folder / "index.txt"
        database.write_text("")
        settings = self.folder / "ca.cnf"
        settings.write_text(
            f"[ca]\ndefault_ca=it\n[it]\ndatabase={database}\nnew_certs_dir={self.folder}\nrand_serial=yes\ndefault_md=sha256\n"
            "policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n"
        )
        dates = ("20200101000000Z", "20200201000000Z") if expired else ("20200101000000Z", "21000101000000Z")
        of = ("-config", settings, "-cert", self.own.cert, "-keyfile", self.own.key, "-extfile", alternative)
        _openssl(
            "ca -batch -notext", *of, "-startdate", dates[0], "-enddate", dates[1], "-in", request, "-out", made.cert
        )
        return made


def _openssl(words: str, *more: object) -> None:
    try:
        subprocess.run(["openssl", *words.split(), *map(str, more)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl makes the certificates of this test")
