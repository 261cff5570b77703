"""Download files that are pinned by their SHA-256, with limits on size and time, from a single host.

Downloads use https, or http from this machine (for tests). Nothing is written before the content is verified.
"""

from __future__ import annotations

import hashlib
import queue
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MAX_REDIRECTS = 3


@dataclass(frozen=True)
class PinnedFile:
    """A file with known content.

    Attributes:
        name: The file name, with at most one folder.
        sha256: The SHA-256 of the content, in hexadecimal digits.
        n_bytes: The size in bytes.

    Raises:
        ValueError: If the name leads elsewhere, or is hidden.
    """

    name: str
    sha256: str
    n_bytes: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*", self.name, re.ASCII):
            raise ValueError(f"{self.name!r} is no plain file name")

    def is_content(self, content: bytes) -> bool:
        """Return whether the bytes have the pinned hash."""
        return hashlib.sha256(content).hexdigest() == self.sha256


@dataclass(frozen=True)
class RetryPolicy:
    """Timeout and retries of a download.

    Attributes:
        seconds: The limit for one attempt, from the request to the last byte.
        n_retries: The number of further attempts after a failure.
        pause: Seconds between attempts.
    """

    seconds: float = 60.0
    n_retries: int = 2
    pause: float = 1.0


class ChecksumError(ValueError):
    """The downloaded content does not have the pinned SHA-256."""


def check_address(url: str) -> None:
    """Raise an error for an address that is neither https nor on this machine.

    Raises:
        InputError: If the address is not safe; the message names it.
    """
    try:
        address = urlsplit(url)
        is_safe = address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK)
    except ValueError:  # such as unclosed brackets
        is_safe = False
    if not is_safe:
        raise InputError(f"files are downloaded over https only, not from {url}")


def download(folder_url: str, file: PinnedFile, directory: Path, policy: RetryPolicy) -> None:
    """Download a file into a directory, and write it atomically after verification.

    Args:
        folder_url: The address of the folder of the file, ending in ``/``.
        file: The pinned file.
        directory: The target directory, created if missing.
        policy: Timeout and retries.

    Raises:
        InputError: If the address is not safe.
        ChecksumError: If the content was wrong at every attempt.
        OSError: If the server could not be reached, or the file cannot be written.
    """
    check_address(folder_url)
    for n_left in range(policy.n_retries, -1, -1):
        try:
            content = _content_within(policy.seconds, folder_url + file.name, file.n_bytes)
            if not file.is_content(content):
                raise ChecksumError(f"{folder_url}{file.name} does not have the pinned SHA-256")
            break
        except (requests.RequestException, ChecksumError, TimeoutError):
            if not n_left:
                raise
            time.sleep(policy.pause)
    with atomic_file(directory / file.name) as unfinished:
        unfinished.write_bytes(content)


def _content_within(seconds: float, url: str, n_bytes: int) -> bytes:
    """Return the content of an address within a total time; the timeout of a socket limits each single wait only."""
    results: queue.Queue[bytes | BaseException] = queue.Queue()

    def request() -> None:
        try:
            results.put(_content(url, n_bytes, seconds))
        except BaseException as problem:  # raised in the waiting thread
            results.put(problem)

    threading.Thread(target=request, daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"{url} did not send the file within {seconds:g} seconds") from None
    if isinstance(result, BaseException):
        raise result
    return result


def _redirect_target(url: str, location: str) -> str:
    """Return the address of a redirect, which must be on the same host."""
    try:
        target = urljoin(url, location)
        check_address(target)
        is_same_host = urlsplit(target).netloc == urlsplit(url).netloc
    except ValueError:
        is_same_host = False
    if not is_same_host:
        raise requests.TooManyRedirects(f"{urlsplit(url).netloc} redirects to another host")
    return target


def _with_login_of_address(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return a request with the name and password of its address, if it has some.

    Without this function, requests looks for them in the user's ``.netrc``. Proxies and certificates are still those of
    the environment.
    """
    name, password = get_auth_from_url(request.url or "")
    login: requests.PreparedRequest = HTTPBasicAuth(name, password)(request) if name or password else request
    return login


def _content(url: str, n_bytes: int, seconds: float) -> bytes:
    """Return at most ``n_bytes`` + 1 bytes of the content of an address, from no other host."""
    with requests.Session() as session:
        session.auth = _with_login_of_address
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = session.get(
                    url, stream=True, allow_redirects=False, timeout=seconds, headers={"Accept-Encoding": "identity"}
                )
            except ValueError as problem:  # requests parses the redirect even if it does not follow it
                raise requests.TooManyRedirects(f"{urlsplit(url).netloc} redirects to an invalid address") from problem
            with response:
                if not response.is_redirect:
                    response.raise_for_status()
                    content: bytes = response.raw.read(n_bytes + 1, decode_content=False)
                    return content
                url = _redirect_target(url, response.headers["location"])
    raise requests.TooManyRedirects(f"{urlsplit(url).netloc} redirects too often")
