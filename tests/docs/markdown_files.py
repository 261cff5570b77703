"""README.md and the pages in docs/: their text, code blocks and commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_blocks(path: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language, also those that are indented."""
    blocks = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", text_of(path), re.DOTALL | re.MULTILINE)
    return [block for _, name, block in blocks if name == language]


@dataclass(frozen=True)
class Command:
    """A command line of a page, such as ``chromasonic train epochs=3``."""

    page: str
    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.name} {' '.join(self.arguments)}"


def commands(*names: str) -> list[Command]:
    """Return the commands of all pages, in code blocks and within the text, without ``--help``."""
    lines = []
    for path in PAGES:
        blocks = "\n".join(code_blocks(path, "bash")).replace("\\\n", " ")
        lines += [(path, line.strip()) for line in blocks.splitlines()]
        lines += [(path, line) for line in re.findall(r"`(chromasonic [^`]*)`", text_of(path))]
    found = []
    for path, line in lines:
        words = shlex.split(line) if line.startswith("chromasonic ") else []
        if len(words) > 1 and words[1] in names and "--help" not in words:
            found.append(Command(path.name, words[1], tuple(words[2:])))
    return list(dict.fromkeys(found))


def named_options() -> list[str]:
    """Return every ``key=value`` in backticks that is an option by itself, without those of the generated page."""
    texts = [text_of(path) for path in PAGES if path.name != "options.md"]
    found = set(re.findall(r"`([a-z_.]+=[\w.+-]+)`", "\n".join(texts)))
    return sorted(found - {"name=value", "weights_only=True"})
