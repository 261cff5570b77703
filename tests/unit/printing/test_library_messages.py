"""Warnings, log records and tracebacks of libraries are printable."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import logging, threading, warnings
from chromasonic.melody_generation.printing.library_messages import make_library_messages_printable
make_library_messages_printable()
make_library_messages_printable()  # a second time changes nothing
evil = "\\x1b]0;owned\\x07 caf\\udce9"
warnings.warn(f"warned of {evil}")
logging.getLogger("x").warning("logged %s\\nsecond line", evil)
logging.getLogger("x").warning("has no place for it", evil)
try:
    raise KeyError(evil)
except KeyError:
    logging.getLogger("x").exception("failed")
thread = threading.Thread(target=lambda: int(f"in a thread {evil}"))
thread.start()
thread.join()
raise ValueError(f"raised {evil}")
"""


@pytest.mark.slow
def test_messages_of_libraries_are_printable() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=False, timeout=60)
    errors = run.stderr.decode("ascii")
    assert run.returncode == 1
    assert "\x1b" not in errors
    for word in ("warned of", "logged", "raised"):
        assert f"{word} \\x1b]0;owned\\x07 caf\\udce9" in errors
    assert "\nsecond line" in errors
    assert "in a thread \\x1b" in errors.replace("\\\\", "\\")
    assert errors.count("Traceback (most recent call last):") == 4  # that of a record without a place, too
    assert "\nTraceback (most recent call last):\n" in errors
