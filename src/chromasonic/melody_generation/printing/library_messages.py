"""Messages that other libraries and Python itself print: warnings, log records and tracebacks."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from types import TracebackType
from typing import Any

from chromasonic.melody_generation.printing.masked_secrets import masked_text
from chromasonic.melody_generation.printing.printable_text import printable_lines
from chromasonic.melody_generation.printing.terminal_output import print_error


def make_library_messages_printable() -> None:
    """Make the text of all warnings, log records and tracebacks printable, until the program ends."""
    if sys.excepthook is _print_traceback:
        return
    sys.excepthook = _print_traceback
    threading.excepthook = _print_traceback_of_thread
    warnings.formatwarning = _FormatWarning(warnings.formatwarning)
    logging.setLogRecordFactory(_RecordFactory(logging.getLogRecordFactory()))


def _print_traceback(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    print_error("".join(traceback.format_exception(kind, problem, trace)).rstrip())


def _print_traceback_of_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None and failure.exc_type is not SystemExit:
        _print_traceback(failure.exc_type, failure.exc_value, failure.exc_traceback)


class _FormatWarning:
    """Formats warnings as another function does, in printable text."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, *arguments: Any, **named: Any) -> str:
        return printable_lines(masked_text(self._before(*arguments, **named)))


class _RecordFactory:
    """Makes log records as another function does, with printable text."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(*arguments, **named)
        with suppress(TypeError, ValueError):  # the arguments do not fit; logging reports that itself
            record.msg, record.args = printable_lines(masked_text(record.getMessage())), ()
        if record.exc_info and record.exc_info[1]:
            record.exc_text = printable_lines(masked_text(logging.Formatter().formatException(record.exc_info)))
        return record
