"""Imports point one way: a file imports from its own row or from rows above it, never from below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"

# From what everything stands on down to what stands on everything. A folder is placed as a whole.
ROWS = (
    {"errors", "melody", "vocabulary", "whole_files"},
    {"corpora", "families", "splits", "leaks", "networks", "measures", "rendering"},
    {
        *(
            "batches",
            "data_loader",
            "metrics",
            "distillation",
            "lightning_modules",
            "schedules",
            "checkpoint",
            "history",
            "callbacks",
            "manner",
            "conditions",
        ),
        *("progress", "tensorboard", "audition", "sampling", "grammar", "stepping", "generation"),
        *("likelihood", "standard", "evaluation", "contenders", "comparison", "runs"),
        *("provenance", "resuming", "pretraining", "mixtures", "diagnosis"),
    },
    {
        "training",
        "testing",
        "result_tables",
        "report",
        "listening",
        "songbook",
        "recipe",
        "experiment_report",
        "surprise",
        "results",
    },
    {"configuration", "keeping", "composing", "options", "commands", "jobs", "sweeps"},
)
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}

# Who alone may import a library: rooms of the table.
ALLOWED_ONLY_IN = {
    "hydra": {"configuration", "keeping", "composing", "commands", "jobs", "sweeps"},
    "omegaconf": {"configuration", "keeping", "composing", "jobs"},
    "matplotlib": {"rendering"},
    "verovio": {"rendering"},
    "cairosvg": {"rendering"},
    "resvg_py": {"rendering"},
    "mido": {"rendering"},
    "jinja2": {"rendering"},
    "pytorch_lightning": set[str](),
}
FORBIDDEN_IN = {"networks": {"lightning"}, "measures": {"torch", "lightning", "torchmetrics"}}
DRAWERS = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

PACKAGE = "chromasonic"


def imports(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that is imported, ``from a import b`` as ``a.b``, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The file as it runs, where what is imported for annotations alone is never imported."""

    class Remover(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else node

    return Remover().visit(tree)  # type: ignore[no-any-return]


def room_of(parts: tuple[str, ...]) -> str:
    """The entry of the table to which a dotted name or a path below the package belongs."""
    inside = parts[1:] if parts[:1] == ("melody_generation",) else parts
    return inside[0] if inside else ""


def faults(path: str, source: str) -> list[str]:
    """What a file breaks, a sentence each; ``path`` is ``melody_generation/melody.py`` and the like."""
    tree = ast.parse(source)
    parts = Path(path).with_suffix("").parts
    found = [f"{path}: a drawer named {part} holds no subject" for part in parts if part in DRAWERS]
    if parts[-1] == "__init__":
        body = tree.body[1:] if ast.get_docstring(tree) else tree.body
        found += [f"{path}: an __init__.py is a docstring and nothing else"] if body else []
    room = room_of(tuple(part for part in parts if part != "__init__"))
    if room == "":
        return found
    if room not in ROW_OF:
        return [
            *found,
            f"{path}: {room} has no place yet, put it into a row of ROWS in tests/test_architecture.py",
        ]
    for name in imports(tree):
        if name.startswith("."):
            found.append(f"{path}: imports {name} relatively, name it from {PACKAGE} on")
        elif name.split(".")[0] == PACKAGE:
            imported = room_of(tuple(name.split(".")[1:]))
            if imported not in ROW_OF:
                found.append(f"{path}: imports {name}, which is no file of the table")
            elif ROW_OF[imported] > ROW_OF[room]:
                found.append(f"{path}: imports {imported}, which stands in a row below {room}")
    for library in sorted({name.split(".")[0] for name in imports(without_type_checking(ast.parse(source)))}):
        if library in FORBIDDEN_IN.get(room, ()):
            found.append(f"{path}: {room} never imports {library}")
        if room not in ALLOWED_ONLY_IN.get(library, {room}):
            only = ", ".join(sorted(ALLOWED_ONLY_IN[library])) or "nobody"
            found.append(f"{path}: imports {library}, which only {only} may")
    return found


def test_every_file_keeps_to_its_row() -> None:
    files = sorted((SOURCES / PACKAGE).rglob("*.py"))
    assert len(files) > 10
    found = [
        fault
        for file in files
        for fault in faults(file.relative_to(SOURCES / PACKAGE).as_posix(), file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_nobody_imports_the_old_name_of_lightning() -> None:
    for folder in ("src", "scripts", "benchmarks", "tests"):
        for file in (ROOT / folder).rglob("*.py"):
            libraries = {name.split(".")[0] for name in imports(ast.parse(file.read_text(encoding="utf-8")))}
            assert "pytorch_lightning" not in libraries, file


def test_no_room_stands_in_two_rows() -> None:
    assert len(ROW_OF) == sum(map(len, ROWS))


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        ("melody.py", "from chromasonic.melody_generation.vocabulary import X\nimport numpy", ""),
        (
            "melody.py",
            "from chromasonic.melody_generation.data.splits import X",
            "splits, which stands in a row below",
        ),
        (
            "melody.py",
            "import chromasonic.melody_generation.io.read_abc",
            "corpora, which stands in a row below",
        ),
        (
            "melody.py",
            "from chromasonic.melody_generation import history",
            "history, which stands in a row below",
        ),
        (
            "splits.py",
            "def f():\n    from chromasonic.melody_generation.training.model_trainer import xtraining, which stands",
        ),
        (
            "history.py",
            "from chromasonic.config.validation import X",
            "configuration, which stands in a row below",
        ),
        (
            "corpora/abc.py",
            "from chromasonic.melody_generation.runs.checkpoint import X",
            "checkpoint, which stands",
        ),
        ("corpora/abc.py", "from chromasonic.melody_generation.io.barring import X", ""),
        ("training.py", "from chromasonic.melody_generation.melody import X", ""),
        ("training.py", "from chromasonic.melody_generation.nowhere import X", "no file of the table"),
        ("training.py", "from chromasonic import melody_generation", "no file of the table"),
        ("training.py", "from . import melody", "relatively"),
        ("corpora/abc.py", "from ..melody import Melody", "relatively"),
        (
            "training.py",
            "import hydra",
            "imports hydra, which only commands, composing, configuration, jobs, keeping, sweeps may",
        ),
        (
            "training.py",
            "from omegaconf.errors import X",
            "imports omegaconf, which only composing, configuration, jobs, keeping may",
        ),
        ("../configuration.py", "import hydra, omegaconf", ""),
        ("history.py", "import matplotlib.pyplot as plt", "imports matplotlib, which only rendering may"),
        ("history.py", "if TYPE_CHECKING:\n    from matplotlib.figure import Figure", ""),
        ("history.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import matplotlib", "imports matplotlib"),
        (
            "melody.py",
            "if TYPE_CHECKING:\n    from chromasonic.melody_generation.data.splits import X",
            "row below",
        ),
        ("rendering/curves.py", "from matplotlib.figure import Figure", ""),
        ("networks/lstm.py", "import lightning as L", "networks never imports lightning"),
        ("networks/lstm.py", "import torch", ""),
        ("measures/features.py", "from torch import Tensor", "measures never imports torch"),
        (
            "callbacks.py",
            "from pytorch_lightning import Callback",
            "imports pytorch_lightning, which only nobody",
        ),
        ("corpora/__init__.py", '"""A docstring."""', ""),
        ("corpora/__init__.py", '"""A docstring."""\nX = 1', "an __init__.py is a docstring"),
        ("corpora/__init__.py", "from x import y", "an __init__.py is a docstring"),
        ("__init__.py", "X = 1", "an __init__.py is a docstring"),
        ("corpora/utils.py", "", "a drawer named utils"),
        ("base/melody.py", "", "a drawer named base"),
        ("novelty.py", "", "novelty has no place yet, put it into a row of ROWS"),
        ("../plugins/x.py", "", "plugins has no place yet"),
    ],
)
def test_this_test_can_fail(path: str, source: str, says: str) -> None:
    inside = path.removeprefix("../") if path.startswith("../") else f"melody_generation/{path}"
    found = faults(inside, source)
    if says:
        assert any(says in fault for fault in found), found
        assert all(inside in fault for fault in found)
    else:
        assert found == []
