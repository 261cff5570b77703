"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

    python tools/floors.py                 all direct requirements
    python tools/floors.py --except torch  without those that an index does not have, or only as large builds

``make floors`` runs the unit tests with them.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
EXTRAS = ("test",)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


def floors(project: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and oldest version of every direct requirement, of the package itself and of its tests.

    Raises:
        ValueError: If a requirement is no plain lower bound.
    """
    requirements = list(project["dependencies"])
    for extra in EXTRAS:
        requirements += project["optional-dependencies"][extra]
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement)
        if not match:
            raise ValueError(f"{requirement!r} is no lower bound such as 'numpy>=2.2'")
        yield match[1], match[2]


def main() -> None:
    """Print the constraints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--except", nargs="*", default=[], dest="others", metavar="NAME")
    others = parser.parse_args().others
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    print("\n".join(f"{name}=={version}" for name, version in floors(project) if name not in others))


if __name__ == "__main__":
    main()
