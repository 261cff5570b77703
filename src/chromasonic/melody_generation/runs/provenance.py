"""Provenance of runs: versions, code, machine and data, so that a run can be repeated and differences are known.

It is written at the start of a run as ``provenance.json``. The file also records every time that the run was resumed.
A summary of it is part of every checkpoint.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

import torch

from chromasonic.melody_generation.atomic_files import JsonObject, write_text
from chromasonic.melody_generation.printing.masked_secrets import masked_option, masked_values
from chromasonic.melody_generation.runs.flat_values import flat_values
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.untrusted_files import read_json

PACKAGES = ("hydra-core", "lightning", "music21", "numpy", "omegaconf", "scipy", "torch", "torchmetrics")
_PROJECT = Path(__file__).parents[4]
# Differences in these values may change the result of a configuration.
_COMPARED = (
    *("chromasonic", "python", "packages", "git", "device", "platform", "threads"),
    *("hash", "test_set_hash", "configuration"),
)


class GitCommit(TypedDict):
    """The commit of a checkout.

    Attributes:
        commit: Its hash.
        clean: Whether all files are as committed.
    """

    commit: str
    clean: bool


class ProvenanceSummary(TypedDict, total=False):
    """The provenance in a checkpoint; the attributes are those of :class:`Provenance`."""

    chromasonic: str | None
    python: str
    git: GitCommit | None
    device: str
    torch: str | None


@dataclass(frozen=True)
class Provenance:
    """The values that determine the result of a run.

    Attributes:
        command: The command as it was typed, without secrets.
        chromasonic: Version of this package; None if it is not installed.
        python: Version of Python.
        packages: Versions of the packages that the result depends on.
        git: Commit of the checkout, and whether it is clean; None outside a checkout.
        device: Name of the device that trains.
        platform: Operating system and machine.
        threads: Number of threads of torch.
        split_hash: Hash of the split.
        test_set_hash: Hash of the test tunes.
        configuration: The configuration, as plain values, without secrets.
    """

    command: tuple[str, ...]
    chromasonic: str | None
    python: str
    packages: Mapping[str, str | None]
    git: GitCommit | None
    device: str
    platform: str
    threads: int
    split_hash: str
    test_set_hash: str
    configuration: JsonObject

    @classmethod
    def collect(
        cls,
        *,
        command: Sequence[str],
        configuration: JsonObject,
        split_hash: str,
        test_set_hash: str,
        device: torch.device,
    ) -> Provenance:
        """Collect the provenance of a run that is about to begin.

        Args:
            command: The command as it was typed.
            configuration: The configuration, as plain values.
            split_hash: Hash of the split.
            test_set_hash: Hash of the test tunes.
            device: The device that trains.
        """
        return cls(
            command=tuple(map(masked_option, command)),
            chromasonic=_version("chromasonic"),
            python=platform.python_version(),
            packages={name: _version(name) for name in PACKAGES},
            git=commit(),
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            platform=platform.platform(),
            threads=torch.get_num_threads(),
            split_hash=split_hash,
            test_set_hash=test_set_hash,
            configuration=masked_values(configuration),
        )

    def to_values(self) -> JsonObject:
        """Return plain values by the keys of ``provenance.json``."""
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        return {"hash" if name == "split_hash" else name: value for name, value in values.items()} | {
            "command": list(self.command)
        }

    def summary(self) -> ProvenanceSummary:
        """Return the part that a checkpoint holds."""
        return {
            "chromasonic": self.chromasonic,
            "python": self.python,
            "git": self.git,
            "device": self.device,
            "torch": self.packages["torch"],
        }


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # on the path, not installed
        return None


@cache
def commit() -> GitCommit | None:
    """Return the commit of this package's checkout, and whether it is clean; None outside a checkout."""
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


def save_provenance(run: Path, provenance: Provenance) -> None:
    """Write the provenance of a new run into its directory."""
    _write(run, {**provenance.to_values(), "gone_on_with": []})


def note_resume(run: Path, provenance: Provenance) -> None:
    """Add to the record of a run that it is resumed, and what differs from its beginning."""
    before = read_provenance(run)
    earlier = before.get("gone_on_with")
    resumes = earlier if isinstance(earlier, list) else []
    now = {"command": list(provenance.command), "differs": differences(before, provenance.to_values())}
    _write(run, {**before, "gone_on_with": [*resumes, now]})


def _write(run: Path, values: Mapping[str, object]) -> None:
    write_text(RunLayout(run).provenance, json.dumps(values, indent=1) + "\n")


def read_provenance(run: Path) -> JsonObject:
    """Read the provenance of a run by the keys of the file; empty if there is none.

    Raises:
        InputError: If the record is damaged.
    """
    return read_json(RunLayout(run).provenance, "values", "repeat the command")


def differences(before: JsonObject, now: JsonObject) -> list[str]:
    """Return the differences between two records that may change the result of a run, as a phrase each.

    Example:
        >>> differences({"packages": {"torch": "2.12"}, "threads": 1}, {"packages": {"torch": "2.13"}, "threads": 1})
        ['packages.torch 2.12 is now 2.13']
    """
    if not before:
        return ["its provenance was not recorded"]
    flat = [flat_values({name: _in_todays_names(record).get(name) for name in _COMPARED}) for record in (before, now)]
    names = sorted(flat[0].keys() | flat[1].keys())
    return [
        f"{_shown(name)} {_shown(flat[0].get(name))} is now {_shown(flat[1].get(name))}"
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    ]


def _in_todays_names(record: JsonObject) -> JsonObject:
    configuration = record.get("configuration")
    if not configuration or not isinstance(configuration, dict):
        return record
    return {**record, "configuration": masked_values(upgrade_configuration(configuration))}


def _shown(value: object) -> str:
    """Return a value as text that is safe to print, whoever wrote it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value)[:80])


def typed() -> list[str]:
    """Return the command as it was typed."""
    return ["chromasonic", "train", *sys.argv[1:]]


def differences_from_run(run: Path, provenance: Provenance) -> list[str]:
    """Return the differences from the provenance of an earlier run that may change the result.

    Raises:
        InputError: If the record of the run is damaged.
    """
    return differences(read_provenance(run), provenance.to_values())
