"""A key is read as it was written, and a changed one is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.listening_tests import make_key

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.listening_test.answer_key import read_key, salt_of, tune_id

KEY = make_key(3, ("lstm", "ppm"))


def written(folder: Path, **changes: Any) -> Path:
    write_json(folder / "key.json", KEY.to_json() | changes)
    return folder / "key.json"


def test_a_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_key(written(tmp_path)) == KEY


def test_the_id_of_a_test_depends_on_every_part_of_its_key() -> None:
    keys = [KEY, make_key(4, ("lstm", "ppm")), make_key(3, ("ppm", "lstm")), make_key(3, ("lstm",))]
    assert len({key.test_id for key in keys}) == len(keys)


def test_a_changed_key_is_refused(tmp_path: Path) -> None:
    tunes = KEY.to_json()["tunes"]
    swapped = [tunes[0] | {"source": tunes[1]["source"]}, tunes[1] | {"source": tunes[0]["source"]}, *tunes[2:]]
    for changes in ({"tunes": swapped}, {"salt": "other"}, {"test": "0" * 16}, {"seed": 1}):
        with pytest.raises(InputError, match="was changed"):
            read_key(written(tmp_path, **changes))


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"version": 2}', '{"version": 1, "tunes": [1]}', "1" * 30])
def test_a_file_that_is_no_key_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"key\.json"):
        read_key(path)
    with pytest.raises(InputError, match=r"missing\.json"):
        read_key(tmp_path / "missing.json")


def test_ids_of_tunes_depend_on_the_secret() -> None:
    assert tune_id("a", 1) != tune_id("b", 1) != tune_id("b", 2)
    assert salt_of(0, [b"x"]) != salt_of(1, [b"x"]) != salt_of(1, [b"y"])
    assert salt_of(0, [b"x", b"y"]) != salt_of(0, [b"xy"])
