from __future__ import annotations

import threading
import warnings

import pytest
from tests.in_threads import call_at_once, call_in_thread

from chromasonic.melody_generation.threads.warning_filters import ignoring_warnings


def test_only_the_named_warnings_are_ignored() -> None:
    with ignoring_warnings("a note", "another"):
        warnings.warn("a note on workers", UserWarning, stacklevel=1)
        warnings.warn("Another note", UserWarning, stacklevel=1)
        with pytest.warns(UserWarning, match="this is a note"):
            warnings.warn("this is a note", UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="a note"):
        warnings.warn("a note on workers", UserWarning, stacklevel=1)


def test_filters_are_as_before_when_blocks_of_threads_overlap() -> None:
    before = list(warnings.filters)
    second_began, first_ended = threading.Event(), threading.Event()

    def first() -> None:
        with ignoring_warnings("x"):
            second_began.wait()
        first_ended.set()

    def second() -> None:
        with ignoring_warnings("x"):
            second_began.set()
            first_ended.wait()
            warnings.warn("x", UserWarning, stacklevel=1)  # is an error if the first block took the filter along

    call_at_once([first, second])
    assert list(warnings.filters) == before


@pytest.mark.parametrize("begins_first", ["the block", "catch_warnings"])
def test_filters_are_as_before_when_a_block_overlaps_with_catch_warnings(begins_first: str) -> None:
    before = list(warnings.filters)
    block, others = ignoring_warnings("x"), warnings.catch_warnings()
    first, second = (block, others) if begins_first == "the block" else (others, block)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


def test_filters_are_as_before_after_an_error_in_a_thread() -> None:
    before = list(warnings.filters)

    def fail() -> None:
        with ignoring_warnings("x"):
            raise KeyError

    with pytest.raises(KeyError):
        call_in_thread(fail)
    assert list(warnings.filters) == before
