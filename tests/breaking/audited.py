"""Watch what a block of code does outside itself: writing, connecting, starting programs, importing.

Python reports these to an audit hook, whatever library does them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events whose first arguments are paths that are changed.
_CHANGING = {
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "shutil.move", "shutil.rmtree", "shutil.copyfile"),
}
_N_PATHS = {"os.link": 2, "os.rename": 2, "os.symlink": 2, "shutil.move": 2, "shutil.copyfile": 2}
_FORBIDDEN = (
    *("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "pty."),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "urllib."),
    *("http.", "ftplib.", "smtplib.", "webbrowser.", "code.__new__", "pickle.find_class", "marshal.loads"),
)


class Watch:
    """What the watched block did.

    Attributes:
        deeds: What it did that it must not do.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder.resolve())
        self._known = {name.partition(".")[0] for name in sys.modules}
        self.deeds: list[str] = []

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an event if it must not happen."""
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._note_writing(event, path)
        elif event in _CHANGING:
            for path in arguments[: _N_PATHS.get(event, 1)]:
                self._note_writing(event, path)
        elif event == "import":
            if arguments[0].partition(".")[0] not in self._known:
                self.deeds.append(f"import {arguments[0]}")
        elif event.startswith(_FORBIDDEN) and not _is_import_of_source(event):
            self.deeds.append(f"{event} {arguments!r:.200}")

    def _note_writing(self, event: str, path: Any) -> None:
        if isinstance(path, int) or str(path) == os.devnull:
            return
        parent = os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(path))))
        if not (parent + os.sep).startswith(self._folder + os.sep):
            self.deeds.append(f"{event} {os.fsdecode(path)}")


def _is_import_of_source(event: str) -> bool:
    """Return whether Python reads the compiled form of a module, which every import does."""
    return event in {"marshal.loads", "code.__new__"} and any(
        name == "importlib._bootstrap_external" for name in _modules_of_callers()
    )


def _modules_of_callers() -> Iterator[str]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_globals.get("__name__", "")
        frame = frame.f_back  # type: ignore[assignment]


_watch: Watch | None = None
_is_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _watch
    if watch is not None:
        watch.note(event, arguments)


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    """Watch a block that may write into a folder and nowhere else.

    Args:
        folder: The folder.
    """
    global _watch, _is_hooked  # noqa: PLW0603 (an audit hook is of the whole process, and stays)
    if not _is_hooked:
        sys.addaudithook(_hook)
        _is_hooked = True
    _watch = watch = Watch(folder)
    try:
        yield watch
    finally:
        _watch = None
