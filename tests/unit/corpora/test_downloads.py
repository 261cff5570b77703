"""Downloads from good, faulty and hostile servers on this machine (about four seconds)."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from chromasonic.melody_generation.corpora.downloads import (
    ChecksumError,
    PinnedFile,
    RetryPolicy,
    check_address,
    download,
)
from chromasonic.melody_generation.errors import InputError

CONTENT = b"X:1\nT:A tune\nK:C\nCDEF|\n"
TUNE = PinnedFile("tune.abc", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
ONE_TRY = RetryPolicy(seconds=60, n_retries=0, pause=0)
ONE_SHORT_TRY = RetryPolicy(seconds=0.6, n_retries=0, pause=0)
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Sends the first answer to the first request, and so on; the last answer to all further ones."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        self.requests_received: list[str] = []
        self.logins_received: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests_received.append(self.path)
                outer.logins_received.append(self.headers["Authorization"])
                answers[min(len(outer.requests_received), len(answers)) - 1](self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/tunes/"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close the connection early."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answers: Answer) -> Server:
        servers.append(Server(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def whole(content: bytes, *, length: int | None = None, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def redirects_to(url: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def fails(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for byte in CONTENT * 100:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.1)


def dripping_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for number in range(200):
        handler.wfile.write(f"X-{number}: 1\r\n".encode())
        time.sleep(0.1)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(2)


def test_a_complete_file_is_saved_under_its_name(serve: Callable[..., Server], tmp_path: Path) -> None:
    download(serve(whole(CONTENT)).url, TUNE, tmp_path / "new", ONE_TRY)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tune.abc"]
    assert (tmp_path / "new" / "tune.abc").read_bytes() == CONTENT


def test_a_redirect_within_the_host_is_followed(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(redirects_to("/elsewhere/tune.abc"), whole(CONTENT))
    download(server.url, TUNE, tmp_path, ONE_TRY)
    assert server.requests_received == ["/tunes/tune.abc", "/elsewhere/tune.abc"]


@pytest.mark.parametrize(
    "answer",
    [
        whole(CONTENT[:-1]),
        whole(CONTENT + b"\n"),
        whole(b""),
        whole(CONTENT[:-1], length=10**12),
        whole(CONTENT, length=3),
        whole(b"\x1f\x8b\x08" + b"x" * 20, Content_Encoding="gzip"),
        fails(404),
        fails(500),
        endless,
        dripping,
        dripping_headers,
        silent,
        redirects_to("tune.abc"),
        redirects_to("http://127.0.0.1:1/tune.abc"),
        redirects_to("http://localhost:{port}/tune.abc"),
        redirects_to("http://example.org/tune.abc"),
        redirects_to("file:///etc/passwd"),
        redirects_to("//example.org/tune.abc"),
        redirects_to("http://[::1/tune.abc"),
    ],
)
def test_faulty_answers_raise_an_error_and_leave_no_file(
    serve: Callable[..., Server], tmp_path: Path, answer: Answer
) -> None:
    began = time.monotonic()
    with pytest.raises((ChecksumError, OSError, InputError)):
        download(serve(answer).url, TUNE, tmp_path / "new", ONE_SHORT_TRY)
    assert time.monotonic() - began < 15  # the slowest answers would take 20 seconds and more
    assert not (tmp_path / "new").exists()


def test_redirects_to_another_host_are_not_followed(serve: Callable[..., Server], tmp_path: Path) -> None:
    other = serve(whole(CONTENT))
    with pytest.raises(requests.TooManyRedirects, match="another host"):
        download(serve(redirects_to(f"{other.url}tune.abc")).url, TUNE, tmp_path, ONE_TRY)
    assert other.requests_received == []


def test_stored_logins_are_not_sent(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = tmp_path / "logins"
    logins.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(logins))
    assert requests.utils.get_netrc_auth("http://127.0.0.1/") == ("me", "secret")
    server = serve(redirects_to("/tunes/elsewhere.abc"), whole(CONTENT))
    download(server.url, TUNE, tmp_path, ONE_TRY)
    assert server.logins_received == [None, None]


def test_a_login_in_the_address_is_sent(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(whole(CONTENT))
    download(server.url.replace("//", "//me:secret@"), TUNE, tmp_path, ONE_TRY)
    assert server.logins_received == ["Basic bWU6c2VjcmV0"]


def test_proxies_of_the_environment_are_used(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(whole(CONTENT))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    download("http://localhost:9/tunes/", TUNE, tmp_path, ONE_TRY)
    assert proxy.requests_received == ["http://localhost:9/tunes/tune.abc"]


def test_failed_downloads_are_retried(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(fails(503), whole(CONTENT[:3]), whole(CONTENT))
    download(server.url, TUNE, tmp_path, RetryPolicy(seconds=5, n_retries=2, pause=0))
    assert len(server.requests_received) == 3
    assert (tmp_path / "tune.abc").exists()


NO_NAMES = (
    "../tune.abc",
    "/etc/tune.abc",
    "a/b/c.abc",
    "a/../b",
    "..",
    ".hidden",
    "a/.b",
    "a\\b.abc",
    "",
    "a\0b",
    "a?b",
)


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_are_paths_raise_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no plain file name"):
        PinnedFile(name, "0" * 64, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://127.0.0.1/",
        "file:///etc/",
        "no address",
        "http://localhost.example.org/",
        "http://127.0.0.1@example.org/",
        "http://[::1/",
    ],
)
def test_addresses_other_than_https_and_this_machine_raise_an_error(url: str) -> None:
    with pytest.raises(InputError, match="over https"):
        check_address(url)
