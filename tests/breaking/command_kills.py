"""Kill evaluate, compare, generate and results at every replacement of a file, and look at the next command.

    python -m tests.breaking.command_kills                    all commands, and a table for docs/resilience.md
    python -m tests.breaking.command_kills --only evaluate

Each command replaces what an earlier call has written. It is killed at its first replacement of a file, its second, and
so on, while the file is half-written and just after it was renamed. Then the disk is full from its first file on, its
second, and so on. After each, the next command must give what it gives without a kill, and nothing may be left behind.
The next command is the same one, or another one that works in the same folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.breaking.forked import ChildResult, ForkedProgram, Sabotage, at_call, full_disk, run_command, train, warm_up
from tests.breaking.kills import dies_replacing

from chromasonic.melody_generation.atomic_files import JOURNAL, are_unchanged
from chromasonic.melody_generation.study import runner

_FEW = ("n_samples=2", "max_notes=32")
_FORMATS = "formats=[abc,midi,svg]"
_LIMIT = 120.0  # seconds
_PLAN = """
seeds: [1]
reference: markov
rows:
  markov: {title: Markov, overrides: [model=markov, num_sequences=24, logger=none]}
"""


@dataclass(frozen=True)
class Command:
    """A command that replaces files.

    Attributes:
        name: Its name.
        workplace: The folder of everything that the calls read and write.
        before: Carries out an earlier call.
        arguments: The arguments of the call that is killed, and called again.
        folder: The folder of the files.
        record: The file that is written last, within the folder.
        others: Other commands that read or write in the folder, each of which may be the next one.
    """

    name: str
    workplace: Path
    before: Callable[[], ChildResult]
    arguments: tuple[str, ...]
    folder: Path
    record: str
    others: tuple[Callable[[], ChildResult], ...] = ()


@dataclass
class Tally:
    """What came of the kills of one command."""

    n_kills: int = 0
    n_full_disks: int = 0
    faults: list[str] = field(default_factory=list)


def commands(folder: Path) -> dict[str, Command]:
    """Return the commands, on a run that is trained in a folder."""
    run = folder / "run"
    trained = train("model=markov", "num_sequences=24", "trainer.accelerator=cpu", f"output_dir={run}")
    if trained.code:
        raise RuntimeError(trained.output)
    (folder / "begin.abc").write_text("X:1\nT:Begin\nM:4/4\nL:1/8\nK:C\nCDEF GABc | cBAG FEDC |\n")
    out = folder / "comparison"
    (folder / "plan.yaml").write_text(_PLAN)
    (folder / "README.md").write_text("<!-- results -->\n<!-- /results -->\n")
    plan = ("plan=plan.yaml", "readme=README.md", "output_dir=results", "page=page/results.md", "jobs=1", *_FEW)
    return {
        "evaluate": Command(
            "evaluate",
            folder,
            partial(run_command, "evaluate", f"run={run}", "seed=0", *_FEW),
            (f"run={run}", "seed=1", *_FEW),
            run / "evaluation",
            "results.json",
            (
                partial(run_command, "compare", f"runs=[{run}]", f"output_dir={folder / 'other'}", *_FEW),
                partial(run_command, "evaluate", f"run={run}", "surprise=1", "seed=0", *_FEW),
                partial(_resume_copy, run),
            ),
        ),
        "compare": Command(
            "compare",
            folder,
            partial(run_command, "compare", f"runs=[{run}]", f"output_dir={out}", "seed=0", *_FEW),
            (f"runs=[{run}]", f"output_dir={out}", "seed=1", *_FEW),
            out,
            "model_comparison.json",
            (partial(run_command, "compare", f"runs=[{run}]", f"output_dir={out}", "seed=2", *_FEW),),
        ),
        "generate": Command(
            "generate",
            folder,
            partial(run_command, "generate", f"run={run}", "count=3", "seed=0", "max_notes=32", _FORMATS),
            (f"run={run}", "count=2", "seed=1", "max_notes=32", _FORMATS),
            run / "melodies",
            "index.html",
            (
                partial(run_command, "generate", f"run={run}", "count=1", "seed=2", "max_notes=32", "formats=abc"),
                partial(
                    run_command,
                    *("generate", f"run={run}", "count=2", "max_notes=32", _FORMATS, f"primer={folder / 'begin.abc'}"),
                ),
            ),
        ),
        "results": Command(
            "results",
            folder,
            partial(_results_once_more, folder, *plan),
            plan,
            folder / "page",
            "results.md",
        ),
    }


def _resume_copy(run: Path) -> ChildResult:
    """Resume a copy of a run with more epochs, and put its evaluation into the run."""
    copy = run.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    ended = train(f"resume={copy}", "epochs=200", limit=_LIMIT)
    shutil.rmtree(run / "evaluation")
    (copy / "evaluation").rename(run / "evaluation")
    return ended


def _results_once_more(folder: Path, *arguments: str) -> ChildResult:
    """Run the command results, and put an earlier page in the place of its page."""
    ended = _results(*arguments)
    for path in (folder / "page").rglob("*.*"):
        path.write_text("earlier")
    (folder / "README.md").write_text("earlier <!-- results -->\nearlier\n<!-- /results -->\n")
    return ended


def _results(*arguments: str, sabotage: Sabotage | None = None, limit: float = _LIMIT) -> ChildResult:
    """Run the command results, whose steps are forks as well."""

    def prepare() -> None:
        runner.subprocess = SimpleNamespace(Popen=ForkedProgram, DEVNULL=None, STDOUT=None)  # type: ignore[attr-defined, assignment]
        if sabotage is not None:
            sabotage()

    return run_command("results", *arguments, sabotage=prepare, limit=limit)


def kill_everywhere(command: Command, numbers: Iterable[int], *, disks: bool = True) -> Tally:
    """Kill a command at replacements of files, and fill the disk at files, with these numbers, counted from 1."""
    tally = Tally()
    _keep(command, "unused")
    _run(command, command.before)
    _keep(command, "called before")
    _run(command)
    _keep(command, "called")
    whole = contents(command.folder)
    accepted = [_undisturbed(command, other) for other in command.others]
    for number in numbers:
        sabotages: dict[str, Sabotage] = {
            f"killed while file {number} is half-written": dies_replacing(number, renamed=False),
            f"killed after file {number} is renamed": dies_replacing(number, renamed=True),
        }
        if disks:
            sabotages[f"the disk is full from file {number} on"] = at_call(tempfile, "mkstemp", number, full_disk)
        ends = [_sabotaged(command, how, sabotage, whole, tally) for how, sabotage in sabotages.items()]
        if all(ends):
            break
        for how, sabotage in sabotages.items():
            for index, contents_after in enumerate(accepted):
                fault = _fault_of_another(command, index, sabotage, contents_after)
                tally.faults += [f"{how}: {fault}"] if fault else []
    return tally


def _kept(command: Command, state: str) -> Path:
    return command.workplace.with_name(f"{command.workplace.name}, {command.name} {state}")


def _keep(command: Command, state: str) -> None:
    """Keep a copy of the workplace, so that no call is repeated to reach a state that was reached before."""
    shutil.copytree(command.workplace, _kept(command, state))


def _restore(command: Command, state: str) -> None:
    """Put the workplace back into a state that was kept."""
    for path in command.workplace.iterdir():  # the folder itself is the current directory
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(_kept(command, state), command.workplace, dirs_exist_ok=True)


def _undisturbed(command: Command, other: Callable[[], ChildResult]) -> list[dict[str, bytes]]:
    """Return the files after another command if the killed one was never called, was called, or has left nothing."""
    after = []
    for state in ("called before", "called", "unused"):
        _restore(command, state)
        _run(command, other)
        after.append(contents(command.folder))
    return after


def _fault_of_another(command: Command, index: int, sabotage: Sabotage, accepted: list[dict[str, bytes]]) -> str:
    """Disturb a command once, call another one, and return what is wrong then; empty if nothing is."""
    _restore(command, "called before")
    if _program(command.name)(*command.arguments, sabotage=sabotage, limit=_LIMIT).code == 0:
        return ""
    then = command.others[index]()
    if then.code:
        return f"command {index} fails: {then.output[-300:]}"
    if any(command.folder.rglob(".*unfinished*")) or any(command.folder.rglob(JOURNAL)):
        return f"command {index} leaves an unfinished file"
    after = contents(command.folder)
    if after not in accepted:
        return f"command {index} leaves a mix: {[_differing(after, whole) for whole in accepted]}"
    return ""


def _run(command: Command, call: Callable[[], ChildResult] | None = None) -> ChildResult:
    ended = (call or partial(_program(command.name), *command.arguments))()
    if ended.code:
        raise RuntimeError(f"{command.name}: {ended.output}")
    return ended


def _program(name: str) -> Callable[..., ChildResult]:
    return _results if name == "results" else partial(run_command, name)


def _sabotaged(command: Command, how: str, sabotage: Sabotage, whole: dict[str, bytes], tally: Tally) -> bool:
    """Disturb a command once, and check its next call; return whether it has ended undisturbed."""
    _restore(command, "called before")
    old = contents(command.folder)
    ended = _program(command.name)(*command.arguments, sabotage=sabotage, limit=_LIMIT)
    if ended.code == 0:
        return True
    faults: list[str] = []
    is_killed = ended.code == -signal.SIGKILL
    tally.n_kills += is_killed
    tally.n_full_disks += not is_killed
    if not is_killed:
        faults += [f"exit code {ended.code}"] if ended.code != 1 else []
        faults += [f"no sentence: {ended.output[-300:]}"] if "Traceback" in ended.output else []
        faults += ["it left an unfinished file"] if any(command.folder.rglob(".*unfinished*")) else []
        if contents(command.folder) != old and _passes_for_done(command):
            faults.append("files were replaced, and they pass for done")
    again = _program(command.name)(*command.arguments)
    if again.code:
        faults.append(f"it cannot be repeated: {again.output[-300:]}")
    else:
        faults += [f"{name} differs" for name in _differing(whole, contents(command.folder))]
        faults += ["an unfinished file is left"] if any(command.folder.rglob(".*unfinished*")) else []
        faults += [] if _passes_for_done(command) else ["the digests are of other files"]
    tally.faults += [f"{how}: {fault}" for fault in faults]
    return False


def _passes_for_done(command: Command) -> bool:
    """Return whether the record is there and has the digests of the files beside it."""
    path = command.folder / command.record
    if path.suffix != ".json":
        return path.is_file()
    values = json.loads(path.read_text())
    return bool(values.get("files")) and are_unchanged(command.folder, values["files"])


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a command that do not depend on time; of JSON the values that do not."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or "tensorboard" in path.parts or path.name == ".lock":
            continue
        content = path.read_bytes()
        if path.suffix == ".json":
            content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
        shows_times = path.name in {"report.html", "model_comparison.md"}
        if not shows_times:
            found[path.relative_to(folder).as_posix()] = content
    return found


def _timeless(values: Any) -> Any:
    if isinstance(values, dict):
        return {
            name: _timeless(value)
            for name, value in values.items()
            if name not in {"cost", "minutes", "files", "seconds"}
        }
    return [_timeless(value) for value in values] if isinstance(values, list) else values


def _differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]


def main() -> int:
    """Read the arguments, kill, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("evaluate", "compare", "generate", "results"))
    arguments = parser.parse_args()
    warm_up()
    n_faults = 0
    temporary = Path(tempfile.mkdtemp())  # removed here, and by no child that ends
    folder = temporary / "workplace"  # what is kept of it is beside it
    folder.mkdir()
    os.chdir(folder)
    print("| command | kills | full disks | faults |\n|---|---|---|---|", flush=True)
    for command in commands(folder).values():
        if arguments.only and command.name not in arguments.only:
            continue
        tally = kill_everywhere(command, range(1, 1000))
        n_faults += len(tally.faults)
        print(f"| {command.name} | {tally.n_kills} | {tally.n_full_disks} | {len(tally.faults)} |", flush=True)
        for fault in tally.faults:
            print(f"  {fault}", flush=True)
    os.chdir("/")
    shutil.rmtree(temporary)
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())
