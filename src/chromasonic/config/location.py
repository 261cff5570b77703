"""Find the configuration files: beside the package in an installed wheel, at the top level of a clone."""

from __future__ import annotations

import re
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def configs_directory() -> Path:
    """Return the folder of ``train.yaml``, ``generate.yaml`` and the configuration groups."""
    packaged = _PACKAGE / "configs"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "configs"


def choices_of(group: str) -> list[str]:
    """Return the choices of a configuration group, such as ``model``, sorted."""
    shared = {"dataset": {"default"}}  # what all datasets share is no dataset
    paths = sorted((configs_directory() / group).glob("*.yaml"))
    return [path.stem for path in paths if path.stem not in shared.get(group, ())]


def option_names(command: str) -> list[str]:
    """Return the options at the top of a command's configuration, and its groups, without composing it.

    Example:
        >>> option_names("judge")
        ['answers', 'key', 'output_dir', 'incomplete', 'seed']
    """
    text = (configs_directory() / f"{command}.yaml").read_text(encoding="utf-8")
    groups = re.findall(r"^  - (?!_self_|override)(\w+):", text, re.MULTILINE)
    return groups + [name for name in re.findall(r"^(\w+):", text, re.MULTILINE) if name not in {"defaults", "hydra"}]
