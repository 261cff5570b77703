"""The structure of the package: layers, libraries, names, docstring openings. Every check is shown to fail below."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "chromasonic"
PACKAGE = "chromasonic"
CORE = "melody_generation"  # its packages and modules are units of the layers, like config and app beside it

# A unit imports from its own or an earlier layer. docs/architecture.md describes them.
LAYERS = (
    (
        *("errors", "form", "melody", "sign_grammar", "vocabulary", "atomic_files", "printing", "untrusted_files"),
        "threads",
    ),
    ("measures", "notation", "networks"),
    ("plots", "data"),
    ("io",),
    ("corpora",),
    ("runs", "data_loader", "harmony"),
    ("generation",),
    ("training",),
    ("evaluation",),
    ("pages",),
    ("reporting",),
    ("testing", "study"),
    ("config",),
    ("app",),
)
# The same within networks: what all share, parts of networks, and one module for each model.
NETWORK_LAYERS = (
    ("contract", "bar_position"),
    ("checked_logits",),
    ("causality",),
    ("neural", "counting"),
    ("lstm", "transformer", "markov", "ppm", "countmix", "mixture"),
)
LAYER_OF = {unit: layer for layer, units in enumerate(LAYERS) for unit in units}
NETWORK_LAYER_OF = {unit: layer for layer, units in enumerate(NETWORK_LAYERS) for unit in units}

# Libraries that only these units import; imports for annotations alone (TYPE_CHECKING) are free.
ONLY_IN = {
    "hydra": {"config", "app"},
    "omegaconf": {"config", "app"},
    "pydantic": {"runs", "evaluation", "study", "config", "app"},
    "yaml": {"config"},
    "matplotlib": {"plots"},
    "verovio": {"io"},
    "resvg_py": {"io"},
    "mido": {"io", "corpora"},
    "music21": {"io", "corpora"},
    "jinja2": {"pages"},
    "markupsafe": {"pages"},
    "requests": {"corpora"},
    "platformdirs": {"corpora", "config"},
    "lightning": {"data_loader", "training", "config", "app"},
    "torchmetrics": {"training"},
    "tensorboard": {"training"},
    "rich": {"printing"},
    "pytorch_lightning": set[str](),  # the former name of lightning
}
# Libraries that these units never import, not even for annotations.
# The module that prints. Others give it text, which it makes printable; Rich reads markup in no text of it.
PRINTING = f"{CORE}/printing/terminal_output.py"
# Modules that use standard streams for something else than printing.
USES_STREAMS = {
    PRINTING: {"print", "sys.stdout", "sys.stderr"},
    f"{CORE}/printing/library_messages.py": {"sys.excepthook"},
    "app/launch.py": {"sys.stdout", "sys.stderr"},  # flushes them, and replaces closed ones
}
STREAMS = {"print", "pprint", "redirect_stdout", "redirect_stderr", "input", "breakpoint"}
STREAMS_OF_SYS = {"stdout", "stderr", "__stdout__", "__stderr__", "displayhook", "excepthook"}
# What reads markup unless it is told not to.
READS_MARKUP = {"Console", "TextColumn"}

NEVER_IN = {
    "networks": {"lightning", "torchmetrics", "matplotlib"},
    "measures": {"torch", "lightning", "torchmetrics", "matplotlib"},
    "notation": {"torch", "lightning", "matplotlib"},
}
# Commands that train nothing do not wait for the libraries of training, which take as long to import as all others.
TRAINING_LIBRARIES = {"lightning", "torchmetrics"}
COMMANDS_WITHOUT_TRAINING = ("evaluate", "compare", "generate", "harmonise", "listen", "judge")
# Modules that write or rename files themselves.
WRITES_ITSELF = {
    "melody_generation/atomic_files.py",
    "melody_generation/study/runner.py",  # a log grows
    "melody_generation/study/steps.py",  # a folder is set aside
    "melody_generation/training/callbacks.py",  # a checkpoint, into the unfinished file of an atomic one
}
# Names without a subject.
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
MAX_MODULES_PER_FOLDER = 15

# An __init__.py holds a docstring, but for two that import their public names when these are first used.
LAZY_INITS = {"__init__.py", "melody_generation/training/__init__.py"}
LAZY_INIT_NAMES = {"__all__", "_MODULES", "__getattr__", "__dir__"}
# Every module of a command has these two functions.
COMMAND_FUNCTIONS = {"main", "run"}

# A function's docstring opens with an imperative verb; that of a class or a property may open with a noun.
FORBIDDEN_OPENINGS = {"What", "How", "Where", "Which", "Who", "Whose", "When", "Why", "Or", "Of", "In", "For"}
FORBIDDEN_OPENINGS_OF_FUNCTIONS = FORBIDDEN_OPENINGS | {
    *("Whether", "The", "A", "An", "That", "Those", "This", "These", "All", "Each", "Every", "Some", "One", "Its"),
    *("From", "At", "As", "By", "On", "With", "Without", "If", "And", "To"),
}


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield every imported dotted name, ``from a import b`` as ``a.b``, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def without_type_checking(tree: ast.Module) -> ast.Module:
    """Return the module without the imports that only type checkers read."""

    class Remover(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else node

    return Remover().visit(tree)  # type: ignore[no-any-return]


def unit_parts(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return a dotted name or a path below the package from its unit on; nothing for the package itself."""
    return parts[1:] if parts[:1] == (CORE,) else parts


def parts_of(path: str) -> tuple[str, ...]:
    """Return the parts of a module's path below the package; an ``__init__`` stands for its folder."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def name_faults(path: str) -> list[str]:
    """Return the parts of a path that name no subject."""
    parts = PurePosixPath(path).with_suffix("").parts
    return [f"{path}: {part} names no subject" for part in parts if part in FORBIDDEN_NAMES]


def init_faults(path: str, source: str) -> list[str]:
    """Return the statements of an ``__init__.py`` that do not belong there."""
    if PurePosixPath(path).name != "__init__.py":
        return []
    tree = ast.parse(source)
    if ast.get_docstring(tree) is None:
        return [f"{path}: an __init__.py has a docstring"]
    if path not in LAZY_INITS:
        return [f"{path}: an __init__.py holds a docstring and nothing else"] if tree.body[1:] else []
    names = {"__future__", "importlib", "typing"}
    return [
        f"{path}: line {node.lineno} is no part of lazy imports"
        for node in tree.body[1:]
        if not (
            (isinstance(node, ast.ImportFrom) and node.module in names)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
            or (isinstance(node, ast.FunctionDef) and node.name in LAZY_INIT_NAMES)
            or (isinstance(node, ast.Assign) and {ast.unparse(each) for each in node.targets} <= LAZY_INIT_NAMES)
        )
    ]


def layer_faults(path: str, source: str) -> list[str]:
    """Return the imports of a module that point to a later layer, or to no layer."""
    parts = unit_parts(parts_of(path))
    if not parts or parts == ("__main__",):  # the package itself exports names of all layers
        return []
    unit, faults = parts[0], list[str]()
    if unit not in LAYER_OF:
        return [f"{path}: {unit} has no layer yet, add it to LAYERS in tests/test_architecture.py"]
    for name in imported_names(ast.parse(source)):
        if name.startswith("."):
            faults.append(f"{path}: imports {name} relatively, name it from {PACKAGE} on")
        if name.split(".")[0] != PACKAGE:
            continue
        imported = unit_parts(tuple(name.split(".")[1:]))
        if not imported or imported[0] not in LAYER_OF:
            faults.append(f"{path}: imports {name}, which is in no layer")
        elif LAYER_OF[imported[0]] > LAYER_OF[unit]:
            faults.append(f"{path}: {unit} imports {imported[0]}, which is in a later layer")
        elif unit == imported[0] == "networks" and len(parts) > 1:
            faults += network_layer_faults(path, parts[1], imported[1] if len(imported) > 1 else "")
    return faults


def network_layer_faults(path: str, part: str, imported: str) -> list[str]:
    """Return the fault of one import within ``networks``, if it is one."""
    if part not in NETWORK_LAYER_OF:
        return [f"{path}: networks.{part} has no layer yet, add it to NETWORK_LAYERS in tests/test_architecture.py"]
    if imported not in NETWORK_LAYER_OF:
        return [f"{path}: imports networks.{imported}, which is in no layer"]
    if NETWORK_LAYER_OF[imported] > NETWORK_LAYER_OF[part]:
        return [f"{path}: networks.{part} imports networks.{imported}, which is in a later layer"]
    return []


def library_faults(path: str, source: str) -> list[str]:
    """Return the libraries that a module must not import."""
    parts = unit_parts(parts_of(path))
    unit = parts[0] if parts else ""
    all_names = {name.split(".")[0] for name in imported_names(ast.parse(source))}
    names = {name.split(".")[0] for name in names_needed(source)}
    faults = [f"{path}: {unit} never imports {name}" for name in sorted(all_names & NEVER_IN.get(unit, set()))]
    faults += [
        f"{path}: imports {name}, which only {', '.join(sorted(ONLY_IN[name])) or 'nobody'} may"
        for name in sorted(names & ONLY_IN.keys())
        if unit not in ONLY_IN[name]
    ]
    return faults


def printing_faults(path: str, source: str) -> list[str]:
    """Return what a module prints by itself, and calls by which Rich would read markup."""
    allowed, faults = USES_STREAMS.get(path, set()), list[str]()
    for node in ast.walk(ast.parse(source)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name) and node.id in STREAMS:
            used = node.id
        elif isinstance(node, ast.Attribute) and node.attr in STREAMS_OF_SYS and ast.unparse(node.value) == "sys":
            used = f"sys.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            used = "names imported from sys"
        elif called in {"os.write", "traceback.print_exc", "traceback.print_exception", "traceback.print_stack"}:
            used = called
        elif called == "sys.exit" and not is_exit_code(node) and path != "app/launch.py":
            used = "sys.exit with a message"
        elif isinstance(node, ast.Call) and called in READS_MARKUP and not has_markup_off(node):
            used = f"{called} without markup=False"
        else:
            continue
        if used not in allowed:
            faults.append(f"{path}: line {line} uses {used}: print with {PRINTING}")
    return faults


def is_exit_code(node: ast.AST) -> bool:
    """Return whether a call has no argument that can be text."""
    arguments = [ast.unparse(each) for each in node.args] if isinstance(node, ast.Call) else []
    return all(argument.isdigit() or argument == "code" for argument in arguments)


def has_markup_off(node: ast.Call) -> bool:
    """Return whether a call has the argument ``markup=False``."""
    return any(each.arg == "markup" and ast.unparse(each.value) == "False" for each in node.keywords)


def docstring_faults(path: str, source: str) -> list[str]:
    """Return the docstrings that open with a forbidden word."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            continue
        docstring = ast.get_docstring(node)
        if not docstring:
            continue
        opening = docstring.split()[0].rstrip(",.:;")
        forbidden = FORBIDDEN_OPENINGS_OF_FUNCTIONS if is_plain_function(node) else FORBIDDEN_OPENINGS
        if opening in forbidden:
            faults.append(f"{path}: the docstring of {getattr(node, 'name', 'the module')} opens with {opening}")
    return faults


def is_plain_function(node: ast.AST) -> bool:
    """Return True for a function or method that is no property."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not any(ast.unparse(each).endswith(("property", ".setter")) for each in node.decorator_list)


def file_name_faults(sources: Mapping[str, str]) -> list[str]:
    """Return the file names that occur twice, and the folders with too many modules."""
    paths = [PurePosixPath(path) for path in sources if not path.endswith("__init__.py")]
    names = Counter(path.name for path in paths)
    folders = Counter(path.parent for path in paths)
    return [
        *(f"{name} occurs {count} times" for name, count in names.items() if count > 1),
        *(f"{folder} holds {count} modules" for folder, count in folders.items() if count > MAX_MODULES_PER_FOLDER),
    ]


def public_name_faults(sources: Mapping[str, str]) -> list[str]:
    """Return the public functions, classes and type aliases that are defined in two modules."""
    modules = defaultdict(list)
    for path, source in sources.items():
        exempt = COMMAND_FUNCTIONS if path.endswith("_command.py") or path == "app/cli.py" else set()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = node.name
            elif is_type_alias(node):
                name = ast.unparse(node.targets[0])
            else:
                continue
            if not name.startswith("_") and name not in exempt:
                modules[name].append(path)
    return [f"{name} is defined in {' and '.join(paths)}" for name, paths in modules.items() if len(paths) > 1]


def is_type_alias(node: ast.stmt) -> TypeGuard[ast.Assign]:
    """Return True for an assignment to a name in CamelCase, unless it is a type variable."""
    if not isinstance(node, ast.Assign) or "TypeVar(" in ast.unparse(node.value):
        return False
    return re.fullmatch(r"([A-Z][a-z0-9]+)+", ast.unparse(node.targets[0])) is not None


def cycle_faults(sources: Mapping[str, str]) -> list[str]:
    """Return a cycle of imports between units, if there is one; imports for annotations count as well."""
    graph: dict[str, set[str]] = defaultdict(set)
    for path, source in sources.items():
        parts = unit_parts(parts_of(path))
        for name in imported_names(ast.parse(source)) if parts else ():
            imported = unit_parts(tuple(name.split(".")[1:])) if name.split(".")[0] == PACKAGE else ()
            if imported and imported[0] != parts[0]:
                graph[parts[0]].add(imported[0])
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        return [f"imports form a cycle: {' <- '.join(cycle.args[1])}"]
    return []


@cache
def names_needed(source: str) -> frozenset[str]:
    """Return every dotted name that a module imports when it runs."""
    return frozenset(imported_names(without_type_checking(ast.parse(source))))


def modules_reached(sources: Mapping[str, str], path: str) -> set[str]:
    """Return the paths of a module and of all modules that it imports, directly or not."""
    reached, waiting = set[str](), [path]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in sources:
            continue
        reached.add(path)
        for name in names_needed(sources[path]):
            parts = name.split(".")[1:] if name.split(".")[0] == PACKAGE else []
            waiting += ["/".join(parts[:end]) + ".py" for end in range(1, len(parts) + 1)]
    return reached


def training_faults(sources: Mapping[str, str], command: str) -> list[str]:
    """Return the modules that a command needs and that import a library of training."""
    return [
        f"{path} is needed by {command}, and imports {name}"
        for path in sorted(modules_reached(sources, f"app/{command}_command.py"))
        for name in sorted(names_needed(sources[path]))
        if name.split(".")[0] in TRAINING_LIBRARIES
    ]


def writing_faults(path: str, source: str) -> list[str]:
    """Return the calls that write or rename files, in modules that are to use ``atomic_files`` for that."""
    if path in WRITES_ITSELF:
        return []
    faults = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, name = called.rpartition(".")
        if name == "open":
            mode = next((each.value for each in node.keywords if each.arg == "mode"), None)
            mode = mode or next(iter(node.args[bool(not owner) :]), None)
            is_writing = isinstance(mode, ast.Constant) and bool(set("wax+") & set(str(mode.value)))
        else:
            is_copy = owner == "shutil" and name.startswith(("copy", "move"))
            is_writing = is_copy and "unfinished" not in ast.unparse(node)
            is_writing |= called in {"os.replace", "os.rename"}
            is_method = bool(owner) and name in {"write_text", "write_bytes", "rename", "replace"}
            is_writing |= is_method and owner != "unfinished" and not _is_of_text(name, node)
        if is_writing:
            faults.append(f"{path}: {called} in line {node.lineno} writes, which only atomic_files may")
    return faults


def _is_of_text(name: str, node: ast.Call) -> bool:
    """Return whether a call is ``str.replace`` or ``dataclasses.replace``; that of a path has one argument."""
    return name == "replace" and (len(node.args) != 1 or bool(node.keywords))


MODULE_CHECKS = {
    "writing": writing_faults,
    "names": lambda path, source: name_faults(path),
    "inits": init_faults,
    "layers": layer_faults,
    "libraries": library_faults,
    "printing": printing_faults,
    "docstrings": docstring_faults,
}
TREE_CHECKS = {"file names": file_name_faults, "public names": public_name_faults, "cycles": cycle_faults}

# Faults of today by check; each number may only become smaller.
ALLOWED: dict[str, int] = {}


def python_sources(folder: Path) -> dict[str, str]:
    """Return the source of every Python file of a folder by its path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))
    }


@pytest.mark.parametrize("check", MODULE_CHECKS)
def test_every_module_passes(check: str) -> None:
    sources = python_sources(SOURCES)
    assert len(sources) > 100
    faults = [fault for path, source in sources.items() for fault in MODULE_CHECKS[check](path, source)]
    assert len(faults) <= ALLOWED.get(check, 0), "\n".join(faults)


@pytest.mark.parametrize("check", TREE_CHECKS)
def test_the_tree_passes(check: str) -> None:
    faults = TREE_CHECKS[check](python_sources(SOURCES))
    assert len(faults) <= ALLOWED.get(check, 0), "\n".join(faults)


@pytest.mark.parametrize("command", COMMANDS_WITHOUT_TRAINING)
def test_a_command_that_trains_nothing_does_not_import_lightning(command: str) -> None:
    sources = python_sources(SOURCES)
    assert len(modules_reached(sources, f"app/{command}_command.py")) > 50
    assert training_faults(sources, command) == []


def test_the_check_of_commands_can_fail() -> None:
    sources = {
        "app/x_command.py": "def run():\n    from chromasonic.io.y import f",
        "io/y.py": "if TYPE_CHECKING:\n    from chromasonic.z import g\nfrom chromasonic import w",
        "z.py": "import torchmetrics",
        "w.py": "from lightning.pytorch import Trainer",
    }
    assert training_faults(sources, "x") == ["w.py is needed by x, and imports lightning.pytorch.Trainer"]
    assert len(training_faults(sources | {"w.py": "import chromasonic.z"}, "x")) == 1


def test_no_unit_is_in_two_layers() -> None:
    assert len(LAYER_OF) == sum(map(len, LAYERS))
    assert len(NETWORK_LAYER_OF) == sum(map(len, NETWORK_LAYERS))


def test_every_unit_of_a_layer_exists() -> None:
    units = {path.stem for folder in (SOURCES, SOURCES / CORE) for path in folder.iterdir() if path.stem[0] != "_"}
    assert units - {CORE, "py"} == LAYER_OF.keys()
    parts = {path.stem for path in (SOURCES / CORE / "networks").iterdir() if path.stem[0] != "_"}
    assert parts == NETWORK_LAYER_OF.keys()


@pytest.mark.parametrize("folder", ["scripts", "benchmarks", "tests", "tools"])
def test_nothing_imports_the_former_name_of_lightning(folder: str) -> None:
    for path, source in python_sources(ROOT / folder).items():
        assert "pytorch_lightning" not in {name.split(".")[0] for name in imported_names(ast.parse(source))}, path


FUNCTION = 'def f():\n    """{} it."""'
PROPERTY = 'class X:\n    @property\n    def f(self):\n        """{} it."""'


@pytest.mark.parametrize(
    ("check", "path", "source", "message"),
    [
        ("names", "io/utils.py", "", "utils names no subject"),
        ("names", "base/melody.py", "", "base names no subject"),
        ("names", "io/read_abc.py", "", ""),
        ("inits", "corpora/__init__.py", '"""A docstring."""', ""),
        ("inits", "corpora/__init__.py", '"""A docstring."""\nX = 1', "a docstring and nothing else"),
        ("inits", "corpora/__init__.py", "", "has a docstring"),
        ("inits", "corpora/__init__.py", "from x import y", "has a docstring"),
        ("inits", "corpora/abc.py", "X = 1", ""),
        ("inits", "__init__.py", '"""A docstring."""\n__all__ = ["X"]\ndef __dir__(): ...', ""),
        ("inits", "__init__.py", '"""A docstring."""\nimport torch', "line 2 is no part of lazy imports"),
        ("inits", "__init__.py", '"""A docstring."""\nX = 1', "line 2 is no part of lazy imports"),
        ("inits", "__init__.py", '"""A docstring."""\ndef f(): ...', "line 2 is no part of lazy imports"),
        ("layers", "melody.py", "from chromasonic.melody_generation.vocabulary import X\nimport numpy", ""),
        ("layers", "melody.py", "from chromasonic.melody_generation.data.splits import X", "imports data, which is in"),
        ("layers", "melody.py", "import chromasonic.melody_generation.io.read_abc", "imports io, which is in a later"),
        ("layers", "melody.py", "from chromasonic.melody_generation import runs", "imports runs, which is in a later"),
        ("layers", "io/x.py", "def f():\n    from chromasonic.config.compose import x", "imports config, which is in"),
        ("layers", "io/x.py", "if TYPE_CHECKING:\n    from chromasonic.app.cli import x", "imports app, which is in"),
        ("layers", "../app/cli.py", "from chromasonic.config.compose import x", ""),
        ("layers", "../config/x.py", "from chromasonic.app.cli import main", "imports app, which is in a later layer"),
        ("layers", "io/x.py", "from chromasonic.melody_generation.nowhere import X", "which is in no layer"),
        ("layers", "io/x.py", "from chromasonic import melody_generation", "which is in no layer"),
        ("layers", "io/x.py", "from . import melody", "relatively"),
        ("layers", "io/x.py", "from ..melody import Melody", "relatively"),
        ("layers", "novelty.py", "", "novelty has no layer yet"),
        ("layers", "../plugins/x.py", "", "plugins has no layer yet"),
        ("layers", "networks/lstm.py", "from chromasonic.melody_generation.networks.neural.memory import X", ""),
        ("layers", "networks/neural/x.py", "from chromasonic.melody_generation.networks.lstm import X", "later layer"),
        ("layers", "networks/contract.py", "from chromasonic.melody_generation.networks.neural.x import X", "later"),
        ("layers", "networks/x.py", "from chromasonic.melody_generation.networks.lstm import X", "networks.x has no"),
        ("layers", "networks/lstm.py", "from chromasonic.melody_generation.networks.x import X", "networks.x, which"),
        ("writing", "io/x.py", "open(path, 'w')", "open in line 1 writes"),
        ("writing", "io/x.py", "path.open(mode='ab')", "path.open in line 1 writes"),
        ("writing", "io/x.py", "open(path)\npath.open('rb')\nunfinished.write_text('')\n'a'.replace('a', 'b')", ""),
        ("writing", "io/x.py", "path.replace(other)", "path.replace in line 1 writes"),
        ("writing", "io/x.py", "Path(name).write_bytes(b'')", "writes"),
        ("writing", "io/x.py", "shutil.copyfile(a, b)", "shutil.copyfile in line 1 writes"),
        ("writing", "io/x.py", "shutil.copyfile(a, unfinished)", ""),
        ("writing", "study/runner.py", "path.replace(other)", ""),
        ("libraries", "training/x.py", "import hydra", "imports hydra, which only app, config may"),
        ("libraries", "training/x.py", "from omegaconf.errors import X", "imports omegaconf, which only app, config"),
        ("libraries", "../config/x.py", "import hydra, omegaconf", ""),
        ("libraries", "training/x.py", "import matplotlib.pyplot as plt", "imports matplotlib, which only plots may"),
        ("libraries", "training/x.py", "def f():\n    import matplotlib", "imports matplotlib, which only plots may"),
        ("libraries", "training/x.py", "if TYPE_CHECKING:\n    from matplotlib.figure import Figure", ""),
        ("libraries", "training/x.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import matplotlib", "matplotlib"),
        ("libraries", "plots/x.py", "from matplotlib.figure import Figure", ""),
        ("libraries", "networks/lstm.py", "import lightning as L", "networks never imports lightning"),
        (
            "libraries",
            "networks/lstm.py",
            "if TYPE_CHECKING:\n    import lightning",
            "networks never imports lightning",
        ),
        ("libraries", "networks/lstm.py", "import torch", ""),
        ("libraries", "measures/x.py", "from torch import Tensor", "measures never imports torch"),
        ("libraries", "training/x.py", "from pytorch_lightning import Callback", "which only nobody may"),
        ("printing", "io/x.py", "terminal.print(x)", ""),
        ("printing", "io/x.py", "print(x)", "line 1 uses print"),
        ("printing", "io/x.py", "map(print, lines)", "line 1 uses print"),
        ("printing", "io/x.py", "sys.stderr.write(x)", "uses sys.stderr"),
        ("printing", "io/x.py", "show(x, file=sys.stdout)", "uses sys.stdout"),
        ("printing", "io/x.py", "from sys import stdout", "names imported from sys"),
        ("printing", "io/x.py", "sys.exit(f'{x} fails')", "sys.exit with a message"),
        ("printing", "io/x.py", "sys.exit(1)\nsys.exit(code)\nsys.exit()", ""),
        ("printing", "io/x.py", "os.write(1, x)", "uses os.write"),
        ("printing", "io/x.py", "traceback.print_exc()", "uses traceback.print_exc"),
        ("printing", "printing/terminal_output.py", "Console(file=x)", "Console without markup=False"),
        ("printing", "printing/terminal_output.py", "Console(markup=False)\nprint(x, file=sys.stderr)", ""),
        ("printing", "printing/terminal_output.py", "TextColumn(x, markup=True)", "TextColumn without markup=False"),
        ("libraries", "reporting/x.py", "from rich.console import Console", "imports rich, which only printing may"),
        ("docstrings", "io/x.py", FUNCTION.format("Return"), ""),
        ("docstrings", "io/x.py", FUNCTION.format("What"), "the docstring of f opens with What"),
        ("docstrings", "io/x.py", FUNCTION.format("Whether"), "the docstring of f opens with Whether"),
        ("docstrings", "io/x.py", FUNCTION.format("The"), "the docstring of f opens with The"),
        ("docstrings", "io/x.py", FUNCTION.format("Or,"), "the docstring of f opens with Or"),
        ("docstrings", "io/x.py", PROPERTY.format("The"), ""),
        ("docstrings", "io/x.py", PROPERTY.format("Whether"), ""),
        ("docstrings", "io/x.py", PROPERTY.format("How"), "the docstring of f opens with How"),
        ("docstrings", "io/x.py", 'class X:\n    """Of it."""', "the docstring of X opens with Of"),
        ("docstrings", "io/x.py", 'class X:\n    """A thing."""', ""),
        ("docstrings", "io/x.py", '"""How it works."""', "the docstring of the module opens with How"),
    ],
)
def test_a_check_of_modules_can_fail(check: str, path: str, source: str, message: str) -> None:
    is_outside = path.startswith("../") or path == "__init__.py"
    inside = path.removeprefix("../") if is_outside else f"{CORE}/{path}"
    faults = MODULE_CHECKS[check](inside, source)
    if message:
        assert any(message in fault for fault in faults), faults
        assert all(inside in fault for fault in faults)
    else:
        assert faults == []


@pytest.mark.parametrize(
    ("check", "sources", "message"),
    [
        ("file names", {"a/x.py": "", "b/y.py": "", "a/__init__.py": "", "b/__init__.py": ""}, ""),
        ("file names", {"a/x.py": "", "b/x.py": ""}, "x.py occurs 2 times"),
        ("file names", {f"a/x{n}.py": "" for n in range(MAX_MODULES_PER_FOLDER)}, ""),
        ("file names", {f"a/x{n}.py": "" for n in range(MAX_MODULES_PER_FOLDER + 1)}, "a holds 16 modules"),
        ("public names", {"a.py": "def f(): ...\ndef _g(): ...", "b.py": "class F: ...\ndef _g(): ..."}, ""),
        ("public names", {"a.py": "def f(): ...", "b.py": "async def f(): ..."}, "f is defined in a.py and b.py"),
        ("public names", {"a.py": "class Step: ...", "b.py": "Step = A | B"}, "Step is defined in a.py and b.py"),
        ("public names", {"a.py": 'Key = TypeVar("Key")', "b.py": 'Key = TypeVar("Key")'}, ""),
        ("public names", {"a.py": "class F: ...", "b.py": "class F: ..."}, "F is defined in a.py and b.py"),
        ("public names", {"app/a_command.py": "def main(): ...", "app/b_command.py": "def main(): ..."}, ""),
        ("public names", {"a.py": "def main(): ...", "b.py": "def main(): ..."}, "main is defined in a.py and b.py"),
        ("cycles", {"io/a.py": "import chromasonic.config", "config/b.py": "import chromasonic.app"}, ""),
        ("cycles", {"io/a.py": "import chromasonic.config", "config/b.py": "import chromasonic.io"}, "form a cycle"),
    ],
)
def test_a_check_of_the_tree_can_fail(check: str, sources: dict[str, str], message: str) -> None:
    faults = TREE_CHECKS[check](sources)
    if message:
        assert any(message in fault for fault in faults), faults
    else:
        assert faults == []
