from __future__ import annotations

import re
import time
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chromasonic.melody_generation.notation.titles import file_stem, normalised_title, plain_title, tune_name

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


@pytest.mark.parametrize(
    "title",
    [
        "The Keel Row",
        "Keel Row, The",
        "KEEL ROW",
        "keel-row (2)",
        "Keel Row [as played in Durham] (2)",
        "Keel Row 3",
        "Keel Row No. 3",
        "Keel Row No.3",
        "Keel Row, v 2",
        "Keel Row, version 2",
        "Keel Row (second version).",
        "Keel Row - 2nd setting",
        "Keel Row II",
        "Kéel  Röw",
        "The Keel Row, version 2 (1)",
    ],
)
def test_titles_of_variants_are_normalised_alike(title: str) -> None:
    assert normalised_title(title) == "keel row"


@pytest.mark.parametrize(
    "title", ["", "  ", "Untitled", "The", "Jig", "Jig 2", "A Reel", "12", "No. 5", "(2)", "March in D"]
)
def test_generic_titles_identify_no_tune(title: str) -> None:
    assert normalised_title(title) == ""


def test_apostrophes_do_not_separate_words_but_other_marks_do() -> None:
    assert normalised_title("O'Neill\N{RIGHT SINGLE QUOTATION MARK}s-March") == "oneills march"


def test_numbers_within_a_title_are_kept() -> None:
    assert normalised_title("The 29th of May") == "29th of may"


_PARENTHESIS = re.compile(r"\s*[(\[][^()\[\]]*[)\]][\s.]*$")
_NUMBERING = re.compile(
    r" (?:(?:version|setting|variation) \w+|\w+ (?:version|setting|variation)"
    r"|(?:(?:no|nr|number|v) )?\d+[a-z]{0,2}|ii|iii|iv)$"
)
_ARTICLE = re.compile(r"^the (?=.)|(?<=.) the$")


def title_by_patterns(title: str) -> str:
    """Return a title without what variants differ in, by patterns that are applied until nothing changes."""
    text = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c)).casefold()
    text = re.sub("['`\N{RIGHT SINGLE QUOTATION MARK}]", "", text)
    for pattern in (_PARENTHESIS, re.compile(r"[\W_]+"), re.compile("^ | $"), _NUMBERING, _ARTICLE):
        replacement = " " if pattern.pattern == r"[\W_]+" else ""
        while (shorter := pattern.sub(replacement, text)) != text:
            text = shorter
    return text


WORDS = [
    "keel",
    "The",
    "the",
    "no",
    "version",
    "setting",
    "ii",
    "v",
    "2",
    "3rd",
    "(2)",
    "[a b]",
    "(",
    "]",
    ".",
    "\n",
    "é\u0316\u0301",
]
TITLES = st.lists(st.sampled_from([*WORDS, " ", " ", ", ", "_", "'"]), max_size=16).map("".join)


@given(TITLES)
@example("The (a) The, The version 2 no 3 (b). ")
def test_titles_are_normalised_as_patterns_do_that_are_applied_until_nothing_changes(title: str) -> None:
    # With a word that identifies a tune, since titles without one are empty.
    assert normalised_title(f"strawberry {title}") == title_by_patterns(f"strawberry {title}")


@pytest.mark.parametrize(
    "title",
    ["x" + " (a)" * 50_000, "the " * 50_000 + "x", "x" + " (" * 50_000, "x" + " " * 200_000, "x 2" + " 2" * 50_000,
     "x" + "\u0316\u0301" * 50_000, "x" + "." * 200_000 + "y", "x (" + "." * 200_000 + ")", "[" * 200_000],
)  # fmt: skip
def test_long_titles_are_normalised_like_short_ones(title: str) -> None:
    assert normalised_title(f"Keel Row {title}").startswith("keel row")


@given(anything)
def test_a_file_name_is_that_of_the_whole_title_decomposed(title: str) -> None:
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    assert file_stem(title) == file_stem(ascii_only)


def test_thousands_of_accents_on_a_letter_take_no_time() -> None:
    began = time.process_time()
    assert file_stem("Keel Row" + "\u0301" * 50_000 + "\u0316" * 50_000) == "keel_row"
    assert time.process_time() - began < 3  # 15 in canonical order


@pytest.mark.parametrize(
    "title",
    [
        "Parnell's",
        "PARNELL'S -- REEL",
        "Parnell's Reel",
        "The Parnell's (jig)",
        "Parnells, The -- Hornpipe.",
        "Parnell's 2",
    ],
)
def test_names_of_tunes_lose_their_kind(title: str) -> None:
    assert tune_name(title) == "parnells"


@pytest.mark.parametrize(
    "title",
    [
        "",
        "Reel",
        "English Dance",
        "Polska",
        "Polska efter Byss-Calle",
        "Polon\N{LATIN SMALL LETTER A WITH DIAERESIS}s nr 7",
    ],
)
def test_kinds_and_players_name_no_tune(title: str) -> None:
    assert tune_name(title) == ""


def test_a_kind_within_a_name_stays() -> None:
    assert tune_name("The Reel of Tulloch") == "reel of tulloch"
    assert tune_name("Jenny's Wedding -- Reel") == "jennys wedding"
    assert tune_name("Vals till Anna") == "vals till anna"
