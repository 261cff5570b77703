from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.notation.titles import file_stem, plain_title

anything = st.text(st.characters(), max_size=80)  # lone surrogates too


@given(anything)
def test_a_plain_title_is_one_line_of_valid_xml(title: str) -> None:
    plain = plain_title(title)
    assert plain == " ".join(plain.split())
    element = ElementTree.Element("title")
    element.text = plain
    assert (ElementTree.fromstring(ElementTree.tostring(element, "utf-8")).text or "") == plain
    assert plain_title(plain) == plain


@given(anything)
def test_a_stem_is_a_safe_file_name(title: str) -> None:
    stem = file_stem(title)
    assert re.fullmatch(r"([a-z0-9][a-z0-9_-]*)?", stem)
    assert len(stem) <= 60


@pytest.mark.parametrize("title", ["CON", "aux", "Lpt1"])
def test_reserved_device_names_are_avoided(title: str) -> None:
    assert file_stem(title) == f"{title.lower()}_"


@pytest.mark.parametrize(("title", "stem"), [("", ""), ("«»", ""), ("漢字", ""), ("-_-", ""), ("a" * 99, "a" * 60)])
def test_titles_with_few_valid_characters(title: str, stem: str) -> None:
    assert file_stem(title) == stem
