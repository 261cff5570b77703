"""Files of answers are read as they were saved; hostile and incomplete ones are refused, and the others count."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listening_tests import answers_in_file, make_key, write_answers

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.listening_test.answers import read_answers
from chromasonic.melody_generation.evaluation.listening_test.questions import NAMES

KEY = make_key(3, ("lstm", "ppm"))
FIRST = KEY.tunes[0].id
Change = Callable[[dict[str, Any]], None]


def test_answers_are_arranged_by_judge_question_source_and_set(tmp_path: Path) -> None:
    content = answers_in_file(KEY, "Ann")
    for tune in KEY.tunes:
        answer = content["answers"][tune.id]
        answer["ratings"] = {name: 1 + (index + tune.source + tune.matched_set) % 5 for index, name in enumerate(NAMES)}
    write_answers(tmp_path, "a.json", content)
    answers = read_answers(tmp_path, KEY)
    index, source, matched = np.indices((5, 3, 3))
    np.testing.assert_array_equal(answers.ratings, 1.0 + (index + source + matched)[None] % 5)
    np.testing.assert_array_equal(answers.calls, np.broadcast_to([[[1.0], [0.0], [0.0]]], (1, 3, 3)))
    assert (answers.judges, answers.n_known, answers.refused) == (("Ann",), (0,), {})


def test_one_file_can_be_read_alone(tmp_path: Path) -> None:
    path = write_answers(tmp_path, "a.txt", answers_in_file(KEY, "Ann"))
    assert read_answers(path, KEY).judges == ("Ann",)


def test_answers_on_a_known_tune_do_not_count(tmp_path: Path) -> None:
    content = answers_in_file(KEY)
    content["answers"][FIRST] = {"ratings": {"rhythm": 5}, "is_real": None, "is_known": True}
    write_answers(tmp_path, "a.json", content)
    answers = read_answers(tmp_path, KEY)
    assert answers.n_known == (1,)
    assert np.isnan(answers.ratings[0, :, 0, 0]).all()
    assert math.isnan(answers.calls[0, 0, 0])
    assert not np.isnan(answers.calls[0].ravel()[1:]).any()


def _set(*path: str, value: object) -> Change:
    """Return a change of the value at a path."""

    def change(content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return change


HOSTILE: dict[str, tuple[Change, str]] = {
    "another program's": (_set("format", value="x"), "no file of answers"),
    "a later version": (_set("version", value=2), "version"),
    "no text": (_set("judge", value=7), "judge"),
    "a long name": (_set("judge", value="x" * 5000), "judge"),
    "half a character": (_set("judge", value="\ud800"), "judge"),
    "another test": (_set("test", value="feed"), "another test (feed)"),
    "another tune": (_set("answers", "../../etc", value={}), "no tune ../../etc"),
    "no answers": (_set("answers", value={}), "lacks answers on 9 of 9"),
    "no object": (_set("answers", value=[1, 2]), "answers"),
    "a rating of 6": (_set("answers", FIRST, "ratings", "mode", value=6), "mode"),
    "a rating of 0": (_set("answers", FIRST, "ratings", "mode", value=0), "mode"),
    "a rating in words": (_set("answers", FIRST, "ratings", "mode", value="5"), "mode"),
    "half a rating": (_set("answers", FIRST, "ratings", "mode", value=3.5), "mode"),
    "true as a rating": (_set("answers", FIRST, "ratings", "mode", value=True), "mode"),
    "another question": (_set("answers", FIRST, "ratings", "beauty", value=5), "beauty"),
    "a number for a call": (_set("answers", FIRST, "is_real", value=1), "is_real"),
    "one rating less": (
        _set("answers", FIRST, "ratings", value=dict.fromkeys(NAMES[1:], 3)),
        "lacks answers on 1 of 9",
    ),
    "one call less": (_set("answers", FIRST, "is_real", value=None), "lacks answers on 1 of 9"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_incomplete_file_is_refused_and_the_others_count(name: str, tmp_path: Path) -> None:
    change, words = HOSTILE[name]
    content = answers_in_file(KEY, "Bob")
    change(content)
    write_answers(tmp_path, "bad.json", content)
    write_answers(tmp_path, "good.json", answers_in_file(KEY, "Ann"))
    answers = read_answers(tmp_path, KEY)
    assert answers.judges == ("Ann",)
    assert list(answers.refused) == ["bad.json"]
    assert words in answers.refused["bad.json"]
    assert len(answers.refused["bad.json"]) < 400
    assert "\n" not in answers.refused["bad.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'{"a": 1, "a": 2}', b" " * 1_000_001],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_that_is_no_object_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    write_answers(tmp_path, "good.json", answers_in_file(KEY))
    assert list(read_answers(tmp_path, KEY).refused) == ["bad.json"]


def test_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    write_answers(tmp_path, "good.json", answers_in_file(KEY))
    (tmp_path / "folder.json").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
    assert read_answers(tmp_path, KEY).refused.keys() >= {"folder.json"}


@settings(max_examples=20)
@given(st.recursive(st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=9), st.lists))
def test_no_value_in_place_of_answers_breaks_the_reader(value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_answers(Path(folder), "bad.json", answers_in_file(KEY) | {"answers": {FIRST: value}})
        with pytest.raises(InputError, match=r"bad\.json"):
            read_answers(Path(folder), KEY)


def test_incomplete_answers_count_on_request(tmp_path: Path) -> None:
    content = answers_in_file(KEY)
    content["answers"] = {FIRST: {"ratings": {"rhythm": 2}}}
    write_answers(tmp_path, "a.json", content)
    with pytest.raises(InputError, match="incomplete=true"):
        read_answers(tmp_path, KEY)
    answers = read_answers(tmp_path, KEY, incomplete=True)
    assert answers.ratings[0, 0, 0, 0] == 2
    assert np.isnan(answers.calls).all()
    assert int((~np.isnan(answers.ratings)).sum()) == 1


def test_of_several_files_of_one_judge_the_one_with_most_answers_counts(tmp_path: Path) -> None:
    for name, n_answers in (("a.json", 3), ("b.json", 9), ("c.json", 5)):
        content = answers_in_file(KEY, "Ann", judge_id="1")
        content["answers"] = dict(list(content["answers"].items())[:n_answers])
        write_answers(tmp_path, name, content)
    write_answers(tmp_path, "d.json", answers_in_file(KEY, "Ann", judge_id="2"))
    answers = read_answers(tmp_path, KEY, incomplete=True)
    assert answers.judges == ("Ann", "Ann (2)")
    assert answers.refused == dict.fromkeys(("a.json", "c.json"), "b.json holds more answers of the same judge")


def test_the_key_and_earlier_results_are_no_answers(tmp_path: Path) -> None:
    write_answers(tmp_path, "a.json", answers_in_file(KEY))
    key = write_answers(tmp_path, "key.json", KEY.to_json())
    assert read_answers(tmp_path, KEY, ignored=[key]).refused == {}


def test_a_folder_without_answers_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=str(path)):
            read_answers(path, KEY)


def test_names_of_judges_are_printable_and_short(tmp_path: Path) -> None:
    write_answers(tmp_path, "a.json", answers_in_file(KEY, "\x1b[31m" + "é" * 90))
    write_answers(tmp_path, "b.json", answers_in_file(KEY, " \n "))
    first, second = read_answers(tmp_path, KEY).judges
    assert first.startswith("\\x1b[31mé")
    assert len(first) == 60
    assert second == "b"


def test_answers_of_another_key_are_refused(tmp_path: Path) -> None:
    write_answers(tmp_path, "a.json", json.loads(json.dumps(answers_in_file(make_key(4)))))
    with pytest.raises(InputError, match="another test"):
        read_answers(tmp_path, KEY)
