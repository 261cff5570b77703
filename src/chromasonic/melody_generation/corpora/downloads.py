"""Files that are fetched from the internet: pinned by their hash, bounded in size and time, from one host alone.

Over https, or over http from this very machine, which is how it is tested. Nothing is written before it is known to
be the file that was asked for.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MAX_REDIRECTS = 3


@dataclass(frozen=True)
class PinnedFile:
    """A file as it must be.

    Attributes:
        name: Its name, no path.
        sha256: Of its content, hexadecimal.
        n_bytes: How long it is.

    Raises:
        ValueError: If the name could lead out of a folder.
    """

    name: str
    sha256: str
    n_bytes: int

    def __post_init__(self) -> None:
        if (
            not self.name
            or Path(self.name).name != self.name
            or self.name.startswith(".")
            or "\\" in self.name
            or "\0" in self.name
        ):
            raise ValueError(f"{self.name!r} is no plain name of a file")

    def is_content(self, content: bytes) -> bool:
        """Whether these bytes are the file."""
        return hashlib.sha256(content).hexdigest() == self.sha256


@dataclass(frozen=True)
class RetryPolicy:
    """How long a server is waited for.

    Attributes:
        seconds: For one file, from the first word to the last byte.
        n_retries: How often it is asked again.
        pause: Seconds before it is.
    """

    seconds: float = 60.0
    n_retries: int = 2
    pause: float = 1.0


class ChecksumError(ValueError):
    """What a server sent is not what was asked for."""


def check_address(url: str) -> None:
    """Refuse an address that is neither https nor on this very machine.

    Raises:
        InputError: Naming it.
    """
    try:
        address = urlsplit(url)
        is_safe = address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK)
    except ValueError:  # brackets that are not closed, and the like
        is_safe = False
    if not is_safe:
        raise InputError(f"files are fetched over https, not from {url}")


def download(folder_url: str, file: PinnedFile, directory: Path, patience: RetryPolicy) -> None:
    """Fetch a file into ``directory``; it gets its name when it is whole and the one that is pinned.

    Args:
        folder_url: The address of the folder that holds it, ending in ``/``.
        file: What it must be.
        directory: Where it goes; made if need be.
        patience: How long and how often is tried.

    Raises:
        InputError: If the address is not safe.
        NotPinnedError: If another file was sent, each time.
        OSError: If nothing was sent, or it cannot be written.
    """
    check_address(folder_url)
    for n_left in range(patience.n_retries, -1, -1):
        try:
            content = _within(patience.seconds, folder_url + file.name, file.n_bytes)
            if not file.is_content(content):
                raise ChecksumError(f"{folder_url}{file.name} is not the file that is pinned")
            break
        except (requests.RequestException, ChecksumError, TimeoutError):
            if not n_left:
                raise
            time.sleep(patience.pause)
    with atomic_file(directory / file.name) as unfinished:
        unfinished.write_bytes(content)


def _within(seconds: float, url: str, n_bytes: int) -> bytes:
    """The content of an address, if all of it comes within a time; a socket's own limit is for each single wait."""
    found: queue.Queue[bytes | BaseException] = queue.Queue()

    def ask() -> None:
        try:
            found.put(_content(url, n_bytes, seconds))
        except BaseException as problem:  # handed on to who waits
            found.put(problem)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"{url} was not answered in full within {seconds:g} seconds") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _led_to(url: str, location: str) -> str:
    """Where an answer leads on to, which must be of the same host."""
    try:
        target = urljoin(url, location)
        check_address(target)
        is_same = urlsplit(target).netloc == urlsplit(url).netloc
    except ValueError:
        is_same = False
    if not is_same:
        raise requests.TooManyRedirects(f"{urlsplit(url).netloc} leads on to another host, which nobody asks")
    return target


def _content(url: str, n_bytes: int, seconds: float) -> bytes:
    """At most ``n_bytes`` and one more from an address, and from no other host."""
    with requests.Session() as session:
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = session.get(
                    url, stream=True, allow_redirects=False, timeout=seconds, headers={"Accept-Encoding": "identity"}
                )
            except ValueError as problem:  # it looks at where it is led to even if it is not to go there
                raise requests.TooManyRedirects(f"{urlsplit(url).netloc} leads on to no address") from problem
            with response:
                if not response.is_redirect:
                    response.raise_for_status()
                    content: bytes = response.raw.read(n_bytes + 1, decode_content=False)
                    return content
                url = _led_to(url, response.headers["location"])
    raise requests.TooManyRedirects(f"{urlsplit(url).netloc} leads on and on")
