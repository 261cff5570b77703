"""Measure the structure of the code: packages, layers, imports, call paths, dictionaries, docstrings, comments.

Run ``python benchmarks/structure.py`` for this checkout, or ``--repo PATH`` for others, one column each. ``--trace``
also trains and evaluates a tiny model in every checkout, and follows the calls between modules (two minutes each).

Definitions:
    unit: A script, or a module or package directly in ``chromasonic/`` or ``chromasonic/melody_generation/``.
    layer: The length of the longest chain of imports below a unit, or below a module; imports for annotations count.
    call path: Calls of functions from one unit into another, each pair of functions once, ordered by the first call.
    return to a higher layer: A call in that order whose unit is in a higher layer than the unit called before it.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby, pairwise
from pathlib import Path

PACKAGE, CORE = "chromasonic", "melody_generation"
OPENINGS = {"What", "How", "Whether", "Where", "Of"}
TINY = ("num_sequences=40", "epochs=1", "hidden_size=8", "num_layers=1", "callbacks=quiet", "logger=none")

Graph = dict[str, set[str]]


def depth(graph: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Return the layer of every node: 1 for nodes without an edge, else one more than the highest that it leads to."""
    unfinished: set[str] = set()

    @cache
    def layer(node: str) -> int:
        if node in unfinished:  # a cycle: its nodes share a layer
            return 0
        unfinished.add(node)
        result = 1 + max((layer(other) for other in graph.get(node, ()) if other != node), default=0)
        unfinished.discard(node)
        return result

    return {node: layer(node) for node in graph}


@dataclass(frozen=True)
class Checkout:
    """The Python sources of one checkout.

    Attributes:
        root: The top level of the repository.
    """

    root: Path

    @cached_property
    def trees(self) -> dict[tuple[str, ...], ast.Module]:
        """Syntax trees by module, an ``__init__`` under the name of its package; without ``__main__``."""
        source = self.root / "src" / PACKAGE
        trees = {}
        for path in sorted(source.rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            if parts[-1] != "__main__":
                trees[parts] = ast.parse(path.read_text(encoding="utf-8"))
        return trees

    @property
    def modules(self) -> list[tuple[str, ...]]:
        """All modules that are no ``__init__``."""
        return [parts for parts in self.trees if parts[-1] != "__init__"]

    def imports(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Yield pairs of a module and a module of the package that it imports."""
        for module in self.modules:
            yield from ((module, imported) for imported in self.imported_by(self.trees[module]))

    def imported_by(self, tree: ast.Module) -> Iterator[tuple[str, ...]]:
        """Yield the modules of the package that a file imports."""
        known = set(self.modules)
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                parts = tuple(name.split("."))
                if parts[0] == PACKAGE and parts[1:] in known:
                    yield parts[1:]

    def unit_graph(self) -> Graph:
        """Return the imports between units, the scripts included."""
        graph: Graph = {unit(module): set() for module in self.modules}
        for module, imported in self.imports():
            if unit(module) != unit(imported):
                graph[unit(module)].add(unit(imported))
        for script in (self.root / "scripts").glob("*.py"):
            tree = ast.parse(script.read_text(encoding="utf-8"))
            graph[f"scripts/{script.name}"] = {unit(imported) for imported in self.imported_by(tree)}
        return graph

    def module_graph(self, package: str = "") -> Graph:
        """Return the imports between modules, of one package of the core if it is named."""
        prefix = f"{CORE}/{package}/" if package else ""
        graph: Graph = {"/".join(module): set() for module in self.modules if "/".join(module).startswith(prefix)}
        for module, imported in self.imports():
            if "/".join(module) in graph and "/".join(imported) in graph:
                graph["/".join(module)].add("/".join(imported))
        return graph


def unit(module: tuple[str, ...]) -> str:
    """Return the unit of a module."""
    return module[1] if module[0] == CORE and len(module) > 1 else module[0]


def structure(checkout: Checkout) -> dict[str, str]:
    """Return the counts of units, layers, imports and modules."""
    units = checkout.unit_graph()
    folders = Counter(module[:-1] for module in checkout.modules)
    networks: Graph = defaultdict(set)  # of the modules and folders that lie in networks/
    for module, imports in checkout.module_graph("networks").items():
        visible = module.split("/")[2]
        networks[visible] |= {name.split("/")[2] for name in imports} - {visible}
    n_networks = len(checkout.module_graph("networks"))
    top = (CORE,)
    return {
        "units; layers; import edges between units": (
            f"{len(units)}; {max(depth(units).values())}; {sum(map(len, units.values()))}"
        ),
        "modules in `melody_generation/`; in `chromasonic/`; in the largest folder": (
            f"{folders[top]}; {folders[()]}; {max(folders.values())}"
        ),
        "`networks/`: modules; modules and folders at its top; layers of these": (
            f"{n_networks}; {len(networks)}; {max(depth(networks).values())}"
        ),
        "modules; import edges between modules": (
            f"{len(checkout.modules)}; {sum(map(len, checkout.module_graph().values()))}"
        ),
    }


def dictionaries(checkout: Checkout) -> dict[str, str]:
    """Return the occurrences of ``dict[str, Any]``, and the string keys that are read."""
    n_annotations, files_with = 0, 0
    files_of_key: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for module in checkout.modules:
        n_here = 0
        for node in ast.walk(checkout.trees[module]):
            if isinstance(node, ast.Subscript) and ast.unparse(node) in {"dict[str, Any]", "Mapping[str, Any]"}:
                n_here += 1
            if key := read_key(node):
                files_of_key[key].add(module)
        n_annotations, files_with = n_annotations + n_here, files_with + bool(n_here)
    n_shared = sum(len(files) >= 3 for files in files_of_key.values())
    return {
        "`dict[str, Any]` and `Mapping[str, Any]`; modules with one": f"{n_annotations}; {files_with}",
        "string keys that are read; in three or more modules": f"{len(files_of_key)}; {n_shared}",
    }


def read_key(node: ast.AST) -> str:
    """Return the string of ``x["key"]`` or ``x.get("key")`` where it is read, else nothing."""
    key: ast.AST | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key = node.args[0]
    is_key = isinstance(key, ast.Constant) and isinstance(key.value, str) and re.fullmatch(r"\w+", key.value)
    return str(key.value) if is_key and isinstance(key, ast.Constant) else ""


def texts(checkout: Checkout) -> dict[str, str]:
    """Return the share of docstrings with a forbidden opening, and of lines with a comment in ``networks/``."""
    openings: Counter[str] = Counter()
    for tree in checkout.trees.values():
        for node in ast.walk(tree):
            docstring = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
            if docstring:
                openings[docstring.split()[0].rstrip(",.:;")] += 1
    n_lines, n_comments = 0, 0
    for path in (checkout.root / "src" / PACKAGE / CORE / "networks").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        n_lines += text.count("\n")
        n_comments += sum(
            token.type == tokenize.COMMENT for token in tokenize.generate_tokens(io.StringIO(text).readline)
        )
    share = sum(openings[word] for word in OPENINGS) / sum(openings.values())
    return {
        f"function docstrings that open with {', '.join(sorted(OPENINGS))}": f"{share:.1%} of {sum(openings.values())}",
        "lines of `networks/` with a comment": f"{n_comments / n_lines:.1%} of {n_lines}",
    }


def duplicates(checkout: Checkout) -> dict[str, str]:
    """Return how many file names, and how many names of public functions and classes, occur twice or more."""
    files = Counter(module[-1] for module in checkout.modules)
    names: Counter[str] = Counter()
    for module in checkout.modules:
        is_command = module[-1].endswith("_command") or module[-1] == "cli"  # each has the functions main and run
        names.update(
            node.name
            for node in checkout.trees[module].body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not (is_command and node.name in {"main", "run"})
        )
    twice = [sum(count > 1 for count in counter.values()) for counter in (files, names)]
    return {"file names used twice; public names defined twice": "; ".join(map(str, twice))}


# A program that runs a script under a profiler, and prints the calls between modules of the package below ``run``.
TRACER = """
import inspect, json, runpy, sys
source, script, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
calls, known, stack_begins = [], set(), []
def module_of(code):
    name = code.co_filename
    if name == script: return "script"
    return name[len(source) + 1:-3] if name.startswith(source) and not name.endswith("__init__.py") else None
def profile(frame, event, argument):
    if event != "call": return
    code = frame.f_code
    module = module_of(code)
    if module is None or code.co_name.startswith("<") or not code.co_flags & inspect.CO_OPTIMIZED: return
    if not stack_begins:
        if code.co_name != "run" or not (module == "script" or module.startswith("app/")): return
        stack_begins.append(True)
    caller = frame.f_back
    while caller is not None and module_of(caller.f_code) is None:
        caller = caller.f_back
    if caller is None or not caller.f_code.co_flags & inspect.CO_OPTIMIZED: return  # a module or class that is imported
    edge = (module_of(caller.f_code), caller.f_code.co_qualname, module, code.co_qualname)
    if edge[0] != module and edge not in known:
        known.add(edge)
        calls.append(edge)
sys.argv = [script, *arguments]
sys.setprofile(profile)
try:
    runpy.run_path(script, run_name="__main__")
except SystemExit as ending:
    if ending.code: raise
finally:
    sys.setprofile(None)
    print("CALLS", json.dumps(calls))
"""


def traced_calls(checkout: Checkout, script: str, *arguments: str) -> list[list[str]]:
    """Run a script of a checkout, and return the calls between its modules in order of their first occurrence.

    Raises:
        RuntimeError: If the script fails.
    """
    source = checkout.root / "src"
    program = [sys.executable, "-c", TRACER, source / PACKAGE, checkout.root / "scripts" / script, *arguments]
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(list(map(str, program)), capture_output=True, text=True, env=environment, check=False)
    lines = [line for line in run.stdout.splitlines() if line.startswith("CALLS ")]
    if run.returncode or not lines:
        raise RuntimeError(f"{script} failed in {checkout.root}: {run.stderr[-2000:]}")
    calls: list[list[str]] = json.loads(lines[-1].removeprefix("CALLS "))
    return calls


def unit_of(name: str) -> str:
    """Return the unit of a module by its name in a trace."""
    return unit(tuple(name.split("/")))


def call_paths(checkout: Checkout) -> dict[str, str]:
    """Train and evaluate a tiny model, and return the lengths of both call paths."""
    units = checkout.unit_graph()
    layers = depth(units) | {"script": len(units)}
    row = {}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        for script, arguments, label in (
            ("train.py", (*TINY, "trainer.accelerator=cpu", f"output_dir={run}"), "training a run"),
            ("evaluate.py", (f"run={run}", "n_samples=4", "max_notes=24"), "from a checkpoint to `report.html`"),
        ):
            calls = traced_calls(checkout, script, *arguments)
            modules = {module for _, _, module, _ in calls}
            between_units = [
                (unit_of(caller), unit_of(called))
                for caller, _, called, _ in calls
                if unit_of(caller) != unit_of(called)
            ]
            visited = [name for name, _ in groupby(called for _, called in between_units)]
            n_returns = sum(layers[after] > layers[before] for before, after in pairwise(visited))
            row[f"call path, {label}: modules; units; visits of units; returns to a higher layer"] = (
                f"{len(modules)}; {len(set(visited))}; {len(visited)}; {n_returns}"
            )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the structure of the code.")
    parser.add_argument("--repo", type=Path, action="append", help="a checkout (default: this one); may be repeated")
    parser.add_argument("--trace", action="store_true", help="also train and evaluate, and follow the calls")
    arguments = parser.parse_args()
    checkouts = [Checkout(path.resolve()) for path in arguments.repo or [Path(__file__).parents[1]]]
    measures = [structure, *([call_paths] if arguments.trace else []), dictionaries, texts, duplicates]
    columns = [{name: value for measure in measures for name, value in measure(each).items()} for each in checkouts]
    print("| |", " | ".join(checkout.root.name for checkout in checkouts), "|")
    print("|---|" + "---|" * len(checkouts))
    for name in columns[0]:
        print(f"| {name} |", " | ".join(column[name] for column in columns), "|")


if __name__ == "__main__":
    main()
