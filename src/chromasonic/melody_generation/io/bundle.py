"""Bundle the files of melodies: one tunebook of all as ABC, and one ZIP archive of everything."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chromasonic.melody_generation.atomic_files import atomic_file, remove_file
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES

TUNEBOOK, ARCHIVE = "melodies.abc", "melodies.zip"


class Bundle:
    """The tunebook and the archive in a folder, which are written while melodies are added.

    The archive has the files of each melody and the tunebook. It has no times, so that the same melodies give the same
    archive. Without ABC among the formats there is no tunebook, and one of an earlier call is removed.

    Args:
        folder: The folder.

    Raises:
        OSError: If the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._tunes: list[bytes] = []

    def __enter__(self) -> Bundle:
        path = self._stack.enter_context(atomic_file(self._folder / ARCHIVE))
        self._archive = self._stack.enter_context(ZipFile(path, "w"))
        return self

    def add(self, contents: Mapping[str, bytes], stem: str) -> None:
        """Add the files of a melody.

        Args:
            contents: What :func:`~chromasonic.melody_generation.io.export.render` returned.
            stem: The name of the files, without an ending.
        """
        for name, content in contents.items():
            self._add(f"{stem}{FORMAT_SUFFIXES[name]}", content)
        if "abc" in contents:
            number = len(self._tunes) + 1
            self._tunes.append(contents["abc"].replace(b"X:1\n", b"X:%d\n" % number, 1))

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if problem is None:
            self._write_tunebook()
        self._stack.__exit__(kind, problem, traceback)

    def _write_tunebook(self) -> None:
        path, tunebook = self._folder / TUNEBOOK, b"\n".join(self._tunes)
        if not tunebook:
            remove_file(path)
            return
        self._add(path.name, tunebook)
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(tunebook)

    def _add(self, name: str, content: bytes) -> None:
        entry = ZipInfo(name)  # of 1980
        entry.external_attr = 0o644 << 16
        self._archive.writestr(entry, content, ZIP_DEFLATED)
