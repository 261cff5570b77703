"""Find the configuration files: beside the package in an installed wheel, at the top level of a clone."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def configs_directory() -> Path:
    """Return the folder of ``train.yaml``, ``generate.yaml`` and the configuration groups."""
    packaged = _PACKAGE / "configs"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "configs"
