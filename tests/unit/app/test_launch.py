"""Exit codes, messages and signal handlers of the commands."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hydra.errors import CompactHydraException

from chromasonic.app.launch import (
    Terminated,
    ended_by,
    is_main_process,
    launch,
    sentence_of_system,
    start,
    termination_is_an_interrupt,
)
from chromasonic.config.command_options import CommandOptions
from chromasonic.melody_generation.errors import InputError


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


def raises(problem: BaseException) -> Callable[[], NoReturn]:
    def main() -> NoReturn:
        raise problem

    return main


FULL = OSError(errno.ENOSPC, "No space left on device", "run/best.pt")


@pytest.mark.parametrize(
    ("main", "code", "message"),
    [
        (terminate, 143, "terminated\n"),
        (raises(KeyboardInterrupt()), 130, "interrupted\n"),
        (raises(FULL), "run/best.pt: No space left on device: free some space; all files that were", ""),
        (raises(CompactHydraException("In 'x': wrong")), "In 'x': wrong", ""),
    ],
    ids=["sigterm", "ctrl-c", "full disk", "overrides"],
)
def test_a_program_ends_with_a_code_and_a_sentence(
    main: Callable[[], None], code: int | str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        launch(main)
    assert str(ending.value.code).startswith(str(code))
    assert capsys.readouterr().err == message
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_hydra_full_error_keeps_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(CompactHydraException):
        launch(raises(CompactHydraException("all of it")))


def test_a_second_sigterm_ends_the_program() -> None:
    with pytest.raises(Terminated), termination_is_an_interrupt():
        terminate()

    def twice() -> None:
        with termination_is_an_interrupt():
            try:
                terminate()
            except Terminated:
                default.append(signal.getsignal(signal.SIGTERM))

    default: list[object] = []
    twice()
    assert default == [signal.SIG_DFL]
    assert ended_by(Terminated()) == ("terminated", 143)
    assert ended_by(KeyboardInterrupt()) == ("interrupted", 130)


def test_other_threads_keep_the_signal_handler() -> None:
    seen = []

    def run() -> None:
        with termination_is_an_interrupt():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


@pytest.mark.parametrize("keeps", [True, False])
def test_a_thread_that_keeps_its_exception_prints_no_traceback(keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)

    class Writer(threading.Thread):
        exception: BaseException | None = None

        def run(self) -> None:
            problem = OSError(errno.ENOSPC, "No space left on device")
            self.exception = problem if keeps else None
            raise problem

    def main() -> None:
        writer = Writer()
        writer.start()
        writer.join()

    launch(main)
    assert len(reported) == (0 if keeps else 1)
    reported.clear()


def test_a_system_error_names_its_file_if_it_has_one() -> None:
    assert sentence_of_system(PermissionError(13, "Permission denied", "a.txt")) == "a.txt: Permission denied"
    assert sentence_of_system(OSError(5, "Input/output error")) == "Input/output error"
    assert sentence_of_system(OSError("something")) == "something"


class Nothing(CommandOptions):
    """No option but one."""

    name: str


@pytest.mark.parametrize(
    ("problem", "code"),
    [(InputError("it is wrong"), "it is wrong"), (FULL, "run/best.pt: No space"), (KeyboardInterrupt(), "130"),
     (Terminated(), "143")],
)  # fmt: skip
def test_a_program_with_options_ends_with_a_code_and_a_sentence(
    tmp_path: Path, problem: BaseException, code: str
) -> None:
    defaults = tmp_path / "options.yaml"
    defaults.write_text("name: x\n")

    def run(options: Nothing) -> None:
        raise problem

    with pytest.raises(SystemExit) as ending:
        start(run, defaults, Nothing, [])
    assert str(ending.value.code).startswith(code)


@pytest.mark.parametrize(
    ("variables", "is_main"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0", "RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"SLURM_PROCID": "1"}, False),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, False),
    ],
)
def test_one_process_of_a_group_is_the_main_process(
    variables: dict[str, str], is_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_main_process() is is_main
