"""Files from the network, kept in a folder of this machine, checked and never half written."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from identikit.errors import InputError

_BLOCK = 1 << 20
_TIMEOUT = 60.0
KINDS = ("sha256", "md5")


@dataclass(frozen=True)
class Remote:
    """A file on the network.

    Attributes:
        url: http or https address.
        name: path in the cache folder under which it is kept, e.g. `mpi3d/mpi3d_toy.npz`.
        checksum: `sha256:...` or `md5:...` where its publisher states one. Where it is empty, what came at the first
            download is recorded, and later downloads are held to that.
    """

    url: str
    name: str
    checksum: str = ""


def cache_folder() -> Path:
    """Where downloaded files are kept: the folder named by `IDENTIKIT_DATA`, or else `~/.cache/identikit`.

    >>> cache_folder().is_absolute()
    True
    """
    return Path(os.environ.get("IDENTIKIT_DATA") or Path.home() / ".cache" / "identikit").expanduser().absolute()


def download(remote: Remote, folder: str | Path | None = None) -> Path:
    """Return the file's place on this machine, and fetch it first where it is not there yet.

    It is written beside its place and renamed when whole and checked. A download that was cut off goes on where it
    stopped, if the server names a version of the file (`ETag` or `Last-Modified`) that is still the same. The sha256 of
    every file that came is kept beside it, in a file that ends in `.sha256`; it stays when the file is deleted, and a
    file that comes later must agree with it.

    Args:
        remote: what to fetch.
        folder: to keep it in; `cache_folder()` if left out.

    Returns:
        The path of the whole file.

    Raises:
        InputError: one sentence: the network is away, the server refuses, the connection breaks, or a checksum differs.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = folder.joinpath("there.npz").write_bytes(b"what came before")
    >>> download(Remote("https://example.org/there.npz", "there.npz"), folder).name
    'there.npz'
    """
    place = Path(folder or cache_folder()) / remote.name
    if place.exists():
        return place
    if not remote.url.startswith(("http://", "https://")):
        raise InputError(f"a file is fetched from an http or https address, not from {remote.url}")
    if remote.checksum and remote.checksum.partition(":")[0] not in KINDS:
        raise InputError(f"a checksum is 'sha256:...' or 'md5:...', not '{remote.checksum}'")
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    _say(f"fetching {remote.url} to {place}")
    _fetch(remote.url, part, place)
    _check(remote, part, place)
    part.replace(place)
    _version(part).unlink(missing_ok=True)
    return place


def digest(path: Path, kind: str = "sha256") -> str:
    """The checksum of a file, as hexadecimal digits, read in blocks.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a")
    >>> _ = path.write_bytes(b"abc")
    >>> digest(path, "md5")
    '900150983cd24fb0d6963f7d28e17f72'
    """
    summed = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            summed.update(block)
    return summed.hexdigest()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip, .tar or .tar.gz into a new folder, which appears only when all of it is there.

    Args:
        archive: the file.
        folder: to make; what already stands there is left as it is.

    Returns:
        The folder.

    Raises:
        InputError: the archive is broken, or a member would land outside the folder.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(home / "a.zip", "w") as made:
    ...     made.writestr("b.csv", "1")
    >>> sorted(p.name for p in unpack(home / "a.zip", home / "a").iterdir())
    ['b.csv']
    """
    if folder.exists():
        return folder
    unfinished = folder.with_name(folder.name + ".unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(unfinished)
        else:
            with tarfile.open(archive) as packed:
                packed.extractall(unfinished, filter="data")
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise InputError(f"{archive} cannot be unpacked: {error}") from None
    unfinished.replace(folder)
    return folder


def download_folder(remote: Remote) -> Path:
    """Return the folder that an archive unpacks to, and fetch and unpack it first where it is not there yet.

    The archive is deleted once it is unpacked; its checksum stays. Where all of it lies in one folder, that one is
    returned.

    Args:
        remote: an archive, whose name without `.zip`, `.tar` or `.tar.gz` becomes that of the folder.

    Returns:
        The path of the folder, below `cache_folder()`.

    Raises:
        InputError: as `download` and `unpack` do.
    """
    name = remote.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".zip")
    folder = cache_folder() / name
    if not folder.exists():
        archive = download(remote)
        unpack(archive, folder)
        archive.unlink()
    inner = list(folder.iterdir())
    return inner[0] if len(inner) == 1 and inner[0].is_dir() else folder


def _fetch(url: str, part: Path, place: Path) -> None:
    """Bring the part to its full length, from where it stands if the server still has the same version."""
    have = part.stat().st_size if part.exists() else 0
    version = _version(part).read_text(encoding="utf-8") if have and _version(part).exists() else ""
    headers = {"User-Agent": "identikit"}
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    away = f"It is needed once: connect, or put the file at {place} yourself"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # The part is as long as the file or longer: no range of it is left to send.
            part.unlink()
            return _fetch(url, part, place)
        raise InputError(f"{url} was refused: {error.code} {error.reason}. {away}") from None
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"{url} cannot be reached ({getattr(error, 'reason', error)}). {away}") from None
    with answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status == 206 and not goes_on:
            raise InputError(f"{url} sent another range than the one asked for: delete {part}, and call again")
        have = have if goes_on else 0
        named = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        # A weak tag does not promise the same bytes.
        _version(part).write_text("" if named.startswith("W/") else named, encoding="utf-8")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        broken = ""
        with ExitStack() as opened:
            file = opened.enter_context(part.open("ab" if goes_on else "wb"))
            advance = opened.enter_context(_Progress(place.name, have, total))
            try:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    advance(len(block))
            except (OSError, http.client.HTTPException) as error:
                broken = str(error) or type(error).__name__
    size = part.stat().st_size
    if broken or (total is not None and size < total):
        of = "" if total is None else f" of {total:,}"
        raise InputError(f"{url} broke off after {size:,}{of} bytes: call again, and it goes on from there")
    return None


def _check(remote: Remote, part: Path, place: Path) -> None:
    """Hold what came to the stated checksum and to what was recorded before; record it where nothing was."""
    record = place.with_name(place.name + ".sha256")
    found = digest(part)
    wanted = []
    if remote.checksum:
        kind, _, stated = remote.checksum.partition(":")
        wanted.append((stated, found if kind == "sha256" else digest(part, kind), f"its publisher states the {kind}"))
    if record.exists():
        recorded = record.read_text(encoding="utf-8").split()[0]
        wanted.append((recorded, found, f"an earlier download, recorded in {record}, had the sha256"))
    for expected, got, who in wanted:
        if expected != got:
            part.unlink()
            _version(part).unlink(missing_ok=True)
            raise InputError(
                f"what came from {remote.url} has the checksum {got}, and {who} {expected}: it was not kept"
            )
    record.write_text(f"{found}  {place.name}\n", encoding="utf-8")


def _version(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class _Progress:
    """A bar on a terminal; elsewhere nothing beyond the line that says what is fetched."""

    def __init__(self, name: str, have: int, total: int | None) -> None:
        self.name, self.have, self.total = name, have, total
        self.bar = None

    def __enter__(self) -> Callable[[int], None]:
        if not sys.stderr.isatty():
            return lambda size: None
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.bar = bar = Progress(*columns, console=Console(stderr=True))
        task = bar.add_task(self.name, total=self.total, completed=self.have)
        bar.start()
        return lambda size: bar.advance(task, size)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
