"""Write the generated pages of the documentation: options, tutorial and API.

``docs/options.md`` comes from ``configs/``, ``docs/tutorial.md`` from ``docs/tutorial.ipynb``, and ``docs/api/`` from
the list of modules. The first two are in the repository, so that they can be read there; a test compares them.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CONFIGS, DOCS = ROOT / "configs", ROOT / "docs"
SHARED = CONFIGS / "dataset" / "default.yaml"  # not a dataset by itself

GROUPS = {
    "model": "The network that is trained.",
    "dataset": "The tunes to learn from. See [Datasets](datasets.md).",
    "guard": "The collection whose held-out tunes a pretraining run must not see. None by default. See "
    "[Pretraining](pretraining.md#the-guard).",
    "optimizer": "How weights are updated.",
    "scheduler": "How the learning rate changes over the epochs.",
    "trainer": "Lightning's trainer: device, precision, gradient clipping. Every argument of `lightning.Trainer` can "
    "be added, as in `+trainer.accumulate_grad_batches=2`.",
    "callbacks": "Code that runs during training.",
    "logger": "Programs that the measures of each epoch are sent to, besides `metrics.csv`.",
    "experiment": "Recipes: a choice in each group and values that belong together. None by default.",
}
COMMANDS = {
    "evaluate": "Scores of a run. See [Evaluation](evaluation.md).",
    "compare": "Runs beside each other. See [Evaluation](evaluation.md#compare-runs).",
    "generate": "New melodies. See [Generate and listen](generation.md).",
    "harmonise": "Chords for melodies. See [Chords](harmony.md).",
    "listen": "A blind listening test. See [Listening test](listening_test.md).",
    "judge": "The answers to a listening test. See [Listening test](listening_test.md#read-the-answers).",
    "results": "All models of a plan. See [Results](results.md).",
}
_ALIAS = re.compile(r"\$\{\w+\}")
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w/ @]+):(?: +(?P<value>\[.*?\]|[^#]*?))?(?: +# *(?P<comment>.*))?$")


@dataclass(frozen=True)
class Option:
    """A value of a configuration file.

    Attributes:
        name: As it is typed on the command line.
        default: As it stands in the file.
        meaning: The comment beside it.
    """

    name: str
    default: str
    meaning: str


def options_of(path: Path, prefix: str = "") -> list[Option]:
    """Return the options of a configuration file, in its order, except aliases of others."""
    text = path.read_text()
    keys: list[str] = [] if "@package _global_" in text else [prefix] * bool(prefix)
    levels: list[tuple[int, str]] = []
    found = []
    for line in text.splitlines():
        if not (match := _LINE.match(line)) or line.lstrip().startswith("#"):
            continue
        indent = len(match["indent"])
        levels = [level for level in levels if level[0] < indent]
        levels.append((indent, match["key"].strip()))
        names = [name for _, name in levels]
        value = (match["value"] or "").strip()
        if names[0] in {"defaults", "hydra"} or names[-1].startswith("_") or not value or _ALIAS.fullmatch(value):
            continue
        found.append(Option(".".join([*keys, *names]), value, (match["comment"] or "").strip()))
    return found


def header_of(path: Path) -> str:
    """Return the comment that a configuration file begins with, as one paragraph."""
    lines: list[str] = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            lines.append(line.removeprefix("#").strip())
    return _with_code(" ".join(lines))


def _with_code(text: str) -> str:
    """Return text in which every word ``name=value`` is marked as code."""
    marked = re.sub(r"(?<![^\s(])['\w.]+=(?:<[^>]*>|[^\s`<])+", _code, text)
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;") for part in re.split(r"(`[^`]*`)", marked)
    )


def _code(word: re.Match[str]) -> str:
    value = word[0].rstrip(".,:;)")
    return f"`{value}`{word[0][len(value) :]}"


def options_page() -> str:
    """Return the page of all options."""
    parts = [
        "# Options",
        "*This page is generated from the files in `configs/`.*",
        "Every option is written as `name=value` after the command: `chromasonic train model=transformer epochs=50`. "
        "An option of a group is set by its path: `optimizer.weight_decay=0.1`. `???` means that there is no default. "
        "The meanings of the usual options are explained in [Training](training.md#the-usual-options).",
        "## train",
        "These options belong to no group.",
        _table(options_of(CONFIGS / "train.yaml")),
    ]
    chosen = _defaults(CONFIGS / "train.yaml")
    for group, purpose in GROUPS.items():
        default = chosen.get(group)
        parts += [f"## {group}", purpose + ("" if default in (None, "None") else f" Default: `{group}={default}`.")]
        paths = (CONFIGS / group).glob("*.yaml")
        for path in sorted(paths, key=lambda path: (path != SHARED, path.stem != default, path.stem)):
            title = "Every dataset" if path == SHARED else f"{group}={path.stem}"
            parts += [f"### {title}", header_of(path), _based_on(path, group)]
            show = _settings if group == "experiment" else _table
            parts.append(show(options_of(path, group)))
    for command, purpose in COMMANDS.items():
        path = CONFIGS / f"{command}.yaml"
        parts += [f"## {command}", f"{purpose} `chromasonic {command}` takes these options.", _table(options_of(path))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _defaults(path: Path) -> dict[str, str]:
    """Return the entries of the block ``defaults``: a group and its choice, or a file of the same group."""
    entries = (yaml.safe_load(path.read_text()) or {}).get("defaults", [])
    pairs = [next(iter(entry.items())) if isinstance(entry, dict) else (entry, "") for entry in entries]
    return {str(key): str(value) for key, value in pairs if key != "_self_"}


def _based_on(path: Path, group: str) -> str:
    sentences = []
    for key, value in _defaults(path).items():
        if key.startswith("override /"):
            sentences.append(f"`{key.removeprefix('override /')}={value}`")
        elif key.endswith("@_here_"):
            return f"It takes the options of `{key.removeprefix('/').removesuffix('@_here_')}={value}`, as `{group}.*`."
        elif CONFIGS / group / f"{key.partition('@')[0]}.yaml" != SHARED:
            return f"It begins with `{group}={key}` and changes:"
    return f"It chooses {', '.join(sentences)}, and sets:" if sentences else ""


def _table(options: list[Option]) -> str:
    if not options:
        return ""
    rows = [f"| `{o.name}` | `{_escaped(o.default)}` | {_escaped(_with_code(o.meaning))} |" for o in options]
    return "\n".join(["| option | default | meaning |", "| --- | --- | --- |", *rows])


def _settings(options: list[Option]) -> str:
    return " ".join(f"`{option.name}={option.default}`" for option in options)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def tutorial_page() -> str:
    """Return the tutorial notebook as a page."""
    notebook = json.loads((DOCS / "tutorial.ipynb").read_text())
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [f"```text\n{output}\n```" for output in _outputs(cell)]
    return "\n\n".join(parts) + "\n"


def _outputs(cell: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    for output in cell["outputs"]:
        data = output.get("data")
        text = data.get("text/plain") if isinstance(data, dict) else output.get("text")
        if isinstance(text, list):
            yield "".join(text).strip()


def write_api_pages() -> None:
    """Write a page for each package into ``docs/api/``, with all of its modules."""
    pages: dict[str, list[str]] = {}
    for path in sorted((ROOT / "src" / "chromasonic").rglob("*.py")):
        names = path.relative_to(ROOT / "src").with_suffix("").parts
        if names[-1].startswith("__"):
            continue
        inner = names[2:] if names[1] == "melody_generation" else names[1:]
        page = inner[0] if len(inner) > 1 else "core"
        pages.setdefault(page, []).append(".".join(names))
    folder = DOCS / "api"
    folder.mkdir(exist_ok=True)
    for page, modules in pages.items():
        purpose = _purpose(page) if page != "core" else "Modules that belong to no package."
        blocks = [f"::: {module}\n    options:\n      show_root_full_path: true" for module in modules]
        text = "\n\n".join([f"# {page if page != 'core' else 'Core types'}", purpose, *blocks]) + "\n"
        (folder / f"{page}.md").write_text(text)
    (folder / "index.md").write_text(_api_index())


def _purpose(package: str) -> str:
    [path] = [*(ROOT / "src" / "chromasonic").glob(f"**/{package}/__init__.py")]
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def _imports(module: str) -> dict[str, str]:
    """Return the names that a module imports for its users, each with the path of its definition."""
    path = ROOT / "src" / Path(*module.split("."))
    if not path.is_dir():
        return {}
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse((path / "__init__.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chromasonic"):
            inner = _imports(node.module)
            found |= {name.name: inner.get(name.name, f"{node.module}.{name.name}") for name in node.names}
    return found


def _summary(path: str) -> str:
    """Return the first line of the docstring of a class or function."""
    module, _, name = path.rpartition(".")
    tree = ast.parse((ROOT / "src" / Path(*module.split("."))).with_suffix(".py").read_text())
    [node] = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name]
    return (ast.get_docstring(node) or "").splitlines()[0]


def _api_index() -> str:
    rows = [f"| [`{name}`][{path}] | {_summary(path)} |" for name, path in sorted(_imports("chromasonic").items())]
    return "\n".join(
        [
            "# API",
            "",
            "These names are imported from `chromasonic` itself, for instance `from chromasonic import load_model`. "
            "Importing is fast: a name's module is loaded when the name is first used.",
            "",
            "| name | purpose |",
            "| --- | --- |",
            *rows,
            "",
            "The other pages list every module of every package. Tensor shapes use these letters: B batch, "
            "T time steps, V size of the vocabulary, D width, H heads, L layers, N notes.",
            "",
        ]
    )


def main() -> None:
    """Write all generated pages."""
    (DOCS / "options.md").write_text(options_page())
    (DOCS / "tutorial.md").write_text(tutorial_page())
    write_api_pages()


if __name__ == "__main__":
    main()
