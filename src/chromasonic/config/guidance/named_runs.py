"""Find the run that ``latest`` means on a command line, and refuse runs that do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.runs.command_line import in_list
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.shipped.pretrained import is_pretrained

LATEST = "latest"
# Options that name a run, or a list of them.
RUN_OPTIONS = {"run", "runs", "resume", "repeat", "init_from", "teacher", "model.runs"}
_OUTPUTS = "outputs"
_DEPTHS = ("*", "*/*", "*/*/*")  # a run, the job of a sweep's folder, and a sweep below outputs/multirun


def latest_run(outputs: Path = Path(_OUTPUTS)) -> Path:
    """Return the run below a folder whose checkpoints were written last.

    Raises:
        InputError: If there is none.
    """
    checkpoints = (path for depth in _DEPTHS for path in outputs.glob(f"{depth}/*_checkpoints/[!.]*.pt"))
    written = [
        (path.stat().st_mtime_ns, path.parent.parent)
        for path in checkpoints
        if RunLayout(path.parent.parent).configuration.is_file()
    ]
    if not written:
        raise InputError(f"{LATEST} is the newest run in {outputs}/, and there is none: name a run, or train one")
    return max(written)[1]


def name_latest(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the path of the newest run where ``latest`` stands for a run.

    A file or folder of that name is left as it is.

    Raises:
        InputError: If there is no run.

    Example:
        >>> name_latest(["run=outputs/a", "key=latest"])
        ['run=outputs/a', 'key=latest']
    """
    return [_named(argument) for argument in arguments]


def _named(argument: str) -> str:
    name, _, value = argument.partition("=")
    items = [item.strip() for item in value.removeprefix("[").removesuffix("]").split(",")]
    if name not in RUN_OPTIONS or LATEST not in items or Path(LATEST).exists():
        return argument
    if not value.startswith("["):
        return f"{name}={latest_run()}" if value == LATEST else argument
    listed = ",".join(in_list(str(latest_run())) if item == LATEST else item for item in items)
    return f"{name}=[{listed}]"


def check_runs_exist(name: str, paths: Sequence[str]) -> None:
    """Raise if a run does not exist, before anything heavy is imported to read it.

    Args:
        name: The option that names it.
        paths: Run directories or checkpoints.

    Raises:
        InputError: With a path beside it that has nearly the same name; or if a folder holds no checkpoint.
    """
    for path in (Path(typed) for typed in paths if not is_pretrained(typed)):
        if path.exists():
            if name == "run" and path.is_dir():
                CheckpointLayout.find(path)
            continue
        beside = path.parent if path.parent.is_dir() else Path()
        siblings = [str(each) for folder in {Path(_OUTPUTS), beside} if folder.is_dir() for each in folder.iterdir()]
        hint = did_you_mean(str(path), siblings) or f"; {name}={LATEST} is the newest run in {_OUTPUTS}/"
        several = f": for several, write {name}=[{path}]" if name == "runs" and "," in str(path) else ""
        raise InputError(f"{name}={path}: there is no such run{several or hint}")
