"""Paths are taken as they are typed: Hydra, YAML and the shell give no meaning to any letter of them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.config.typed_paths import path_of, paths_of, quote_paths
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.command_line import path_option, paths_option, shell_command

# Names of folders; a dollar before a brace refers to another value, in every text of a configuration.
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/$"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: Path(*names))
HARD = ["Läufe/a", "my tunes", "a, b", "[1, 2]", "{a: 1}", "007", "1e3", "true", "null", "nan", "a=b", "it's", 'a"b']
HARD += [
    "~",
    "~me",
    "a\\b",
    "a\\",
    "'a'",
    "-m",
    "a:b",
    "(a)",
    "#a",
    "a #b",
    "@a",
    "x*?",
    "a\u00a0b",
    "蝶々",
    "%20",
    "???",
]


def read_by_hydra(argument: str) -> object:
    [override] = OverridesParser.create().parse_overrides([argument])
    return override.value()


@given(PATHS)
def test_hydra_reads_any_path_as_it_is(path: Path) -> None:
    [argument] = quote_paths([path_option("output_dir", path)])
    assert Path(str(read_by_hydra(argument))) == path


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize(
    "option", ["output_dir", "resume", "dataset.corpus.folder", "+guard.corpus.folder", "init_from"]
)
def test_hydra_reads_hard_names_as_they_are(option: str, name: str) -> None:
    [argument] = quote_paths([path_option(option, Path(name))])
    value = read_by_hydra(argument)
    assert isinstance(value, str)
    assert Path(value) == Path(name)


@given(PATHS)
def test_the_command_line_of_other_commands_reads_any_path_as_it_is(path: Path) -> None:
    name, _, typed = path_option("run", path).partition("=")
    assert name == "run"
    assert Path(path_of(typed) or "") == path


@given(st.lists(PATHS, min_size=1, max_size=3))
def test_lists_of_paths_are_read_as_they_are(paths: list[Path]) -> None:
    [word] = shlex.split(shell_command(paths_option("runs", paths)))
    assert [Path(path) for path in paths_of(word.removeprefix("runs=")) or ()] == paths
    [argument] = quote_paths([paths_option("model.runs", paths)])
    value = read_by_hydra(argument)
    assert isinstance(value, list)
    assert [Path(str(path)) for path in value] == paths


def test_home_quotes_and_null_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert path_of("~/Läufe/a") == os.path.join("/home/me", "Läufe/a")
    assert path_of("'~/a b'") == "/home/me/a b"
    assert path_of("./~") == "./~"
    assert path_of("null") is path_of("") is None
    assert paths_of("[]") == []
    assert paths_of("[~/a, 'b, c']") == ["/home/me/a", "b, c"]
    assert quote_paths(["resume=~/Läufe/a", "model.runs=[~/a]"]) == [
        "resume='/home/me/Läufe/a'",
        "model.runs=[/home/me/a]",
    ]


@pytest.mark.parametrize(
    ("arguments", "quoted"),
    [
        (["seed=1", "--multirun"], ["seed=1", "--multirun"]),
        (["model.name=Läufe"], ["model.name=Läufe"]),
        (["teacher=null", "output_dir=???"], ["teacher=null", "output_dir=???"]),
        (["-m", "teacher=Läufe,b c"], ["-m", "teacher='Läufe','b c'"]),
        (["-m", "teacher=glob(*)", "teacher='a,b',c"], ["-m", "teacher=glob(*)", "teacher='a,b',c"]),
        (["-m", "output_dir=a,b"], ["-m", "output_dir='a,b'"]),
        (["output_dir='a, b'"], ["output_dir='a, b'"]),
        (["hydra.run.dir=outputs/ü"], ["hydra.run.dir='outputs/ü'"]),
    ],
)  # fmt: skip
def test_only_paths_are_quoted(arguments: list[str], quoted: list[str]) -> None:
    assert quote_paths(arguments) == quoted


@pytest.mark.parametrize("typed", ["[a: b]", "[a, {b}]", "[[a], b]", "['a]"])
def test_a_list_that_cannot_be_read_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="cannot be read as a list of paths"):
        paths_of(typed)
