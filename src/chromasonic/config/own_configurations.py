"""Remember the configurations of the runs that this user has trained on this machine.

A configuration may name folders to read from: a folder of tunes, the run of a teacher. They are followed if the user
typed them. Of a run directory that somebody else made, they are not. The two are told apart by the hash of
``config.yaml``: a file called like the hash of every configuration that a training writes is kept in the user's state
directory.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from platformdirs import user_state_path

from chromasonic.melody_generation.atomic_files import write_text


def remember_configuration(content: bytes) -> None:
    """Remember the content of a ``config.yaml`` as this user's own; without a state directory, it is forgotten."""
    try:
        write_text(_file_of(content), "")
    except OSError:
        return


def is_own_configuration(content: bytes) -> bool:
    """Return whether this user's own training has written this ``config.yaml``."""
    try:
        return _file_of(content).is_file()
    except OSError:
        return False


def _file_of(content: bytes) -> Path:
    return user_state_path("chromasonic") / "configurations" / hashlib.sha256(content).hexdigest()
