"""What made a run, so that it can be repeated, and what differs where it cannot be: versions, code, machine, data.

It is written at the start of a run as ``provenance.json``, which also notes each time that the run was gone on with;
a summary of it is part of every checkpoint.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from chromasonic.melody_generation.atomic_files import read_json, write_text
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration

PACKAGES = ("hydra-core", "lightning", "music21", "numpy", "omegaconf", "scipy", "torch", "torchmetrics")
_PROJECT = Path(__file__).parents[4]
# Whatever differs in these may make another run of the same configuration.
_COMPARED = (
    *("chromasonic", "python", "packages", "git", "device", "platform", "threads"),
    *("hash", "test_set_hash", "configuration"),
)


def provenance(
    *, command: Sequence[str], configuration: Mapping[str, Any], manifest: Mapping[str, Any], device: torch.device
) -> dict[str, Any]:
    """What makes the run that is about to begin, as plain values.

    Args:
        command: What was typed.
        configuration: All of it, plain.
        manifest: Of the data, with ``hash`` and ``test_set_hash``.
        device: Where it trains.
    """
    return {
        "command": list(command),
        "chromasonic": _version("chromasonic"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git": commit(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "hash": manifest["hash"],
        "test_set_hash": manifest["test_set_hash"],
        "configuration": dict(configuration),
    }


def provenance_summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a record that a checkpoint holds."""
    return {name: record[name] for name in ("chromasonic", "python", "git", "device")} | {
        "torch": record["packages"]["torch"]
    }


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # on the path, not installed
        return None


@cache
def commit() -> dict[str, Any] | None:
    """The commit of the checkout that this package runs from and whether it is clean; None where it runs from none."""
    if not (_PROJECT / ".git").exists() or shutil.which("git") is None:
        return None
    answers = []
    for question in (("rev-parse", "HEAD"), ("status", "--porcelain")):
        try:
            asked = subprocess.run(
                ["git", "-C", str(_PROJECT), *question], capture_output=True, text=True, timeout=10, check=True
            )
        except (subprocess.SubprocessError, OSError):
            return None
        answers.append(asked.stdout.strip())
    return {"commit": answers[0], "clean": not answers[1]}


def keep_provenance(run: Path, record: Mapping[str, Any]) -> None:
    """Write what makes a new run into its directory."""
    _write(run, {**record, "gone_on_with": []})


def note_going_on(run: Path, record: Mapping[str, Any]) -> None:
    """Add what makes the rest of a run to what made its beginning."""
    before = read_provenance(run)
    earlier = before.get("gone_on_with")
    others = earlier if isinstance(earlier, list) else []
    _write(run, {**before, "gone_on_with": [*others, {"command": record["command"], **_told(before, record)}]})


def _told(before: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    return {"differs": differences(before, record)}


def _write(run: Path, values: Mapping[str, Any]) -> None:
    write_text(RunLayout(run).provenance, json.dumps(values, indent=1) + "\n")


def read_provenance(run: Path) -> dict[str, Any]:
    """What made a run; empty where it left no record.

    Raises:
        InputError: If the record is damaged.
    """
    return read_json(RunLayout(run).provenance, "values", "go on without it")


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What is not the same in two records and may make another run, a phrase each.

    Example:
        >>> differences({"packages": {"torch": "2.12"}, "threads": 1}, {"packages": {"torch": "2.13"}, "threads": 1})
        ['packages.torch 2.12 is now 2.13']
    """
    if not one:
        return ["what made it was not recorded"]
    flat = [_flat({name: _in_todays_names(record).get(name) for name in _COMPARED}) for record in (one, other)]
    names = sorted(flat[0].keys() | flat[1].keys())
    return [
        f"{_shown(name)} {_shown(flat[0].get(name))} is now {_shown(flat[1].get(name))}"
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    ]


def _in_todays_names(record: Mapping[str, Any]) -> Mapping[str, Any]:
    configuration = record.get("configuration")
    return {**record, "configuration": upgrade_configuration(configuration)} if configuration else record


def _flat(values: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(values, Mapping):
        return {place: values}
    found: dict[str, Any] = {}
    for name, each in values.items():
        found |= _flat(each, f"{place}.{name}" if place else str(name))
    return found


def _shown(value: Any) -> str:
    """A value as a terminal may show it, whoever wrote it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value)[:80])


def typed() -> list[str]:
    """The command as it was typed."""
    return ["chromasonic", "train", *sys.argv[1:]]
