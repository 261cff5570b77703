"""No training tune resembles a held-out tune, checked by an independent count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.leaking import grams, title_of
from tests.made_tunes import in_minor, ornamented, slower, walking_tune

from chromasonic.melody_generation import data_loader
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.data.leakage import INTERVALS, PASSAGE, TITLE, leaks
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, Melody


@dataclass(frozen=True)
class Tunes:
    """A corpus of what it is given."""

    melodies: tuple[Melody, ...]

    def read(self) -> CorpusReading:
        return collect_tunes(WrittenTune(melody, 0, 0) for melody in self.melodies)

    def load(self) -> list[Melody]:
        return list(self.melodies)


def tune(seed: int, title: str, n_notes: int = 40) -> Melody:
    rng = np.random.default_rng(seed)
    pitches = rng.integers(60, 78, n_notes)
    return Melody(np.where(rng.random(n_notes) < 0.1, REST, pitches), rng.choice([12, 24], n_notes), title=title)


def word(number: int) -> str:
    """Return a distinct title for each number."""
    return f"{'bcdfghklmnprst'[number // 14]}a{'bcdfghklmnprst'[number % 14]}ora"


def resembling(melodies: Sequence[Melody], held_out: Sequence[Melody]) -> Iterator[int]:
    known, titles = set().union(*map(grams, held_out)), {title_of(each) for each in held_out}
    for place, melody in enumerate(melodies):
        if grams(melody) & known or title_of(melody) in titles:
            yield place


NAMES = ("azure", "broom", "cedar", "daisy", "elder", "flax", "gorse")
TARGET = tuple(tune(seed, f"{name} walk") for seed, name in enumerate(NAMES))


def borrowed(melody: Melody, seed: int, *, at: int, n_notes: int, semitones: int) -> Melody:
    """Another tune with a stretch of this one in it, in another key."""
    other = tune(seed, f"number {seed}")
    pitches = other.pitches.copy()
    stretch = melody.pitches[at : at + n_notes]
    pitches[5 : 5 + n_notes] = np.where(stretch == REST, REST, stretch + semitones)
    return replace(other, pitches=pitches, title=f"quite unlike {seed}")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 6), st.integers(100, 10_000), st.integers(0, 20), st.integers(2, 20), st.integers(-6, 6)
        ),
        max_size=8,
    ),
    st.lists(
        st.sampled_from(["The Azure Walk", "AZURE WALK, THE", "azure walk", "Broom Walk, The", "Heather Walk"]),
        max_size=3,
    ),
)
def test_no_guarded_tune_shares_intervals_or_a_title(borrowings: list[tuple[int, ...]], titles: list[str]) -> None:
    tunes = [borrowed(TARGET[which], seed, at=at, n_notes=n, semitones=up) for which, seed, at, n, up in borrowings]
    tunes += [tune(20_000 + place, title) for place, title in enumerate(titles)]
    held_out = {"validation": TARGET[:3], "test": TARGET[3:]}
    assert [leak.index for leak in leaks(tunes, held_out)] == list(resembling(tunes, TARGET))


@pytest.mark.parametrize("semitones", [-7, 0, 5])
def test_ten_intervals_in_any_key_are_enough_and_nine_are_not(semitones: int) -> None:
    melody = replace(
        TARGET[0], pitches=np.arange(60, 76)[np.random.default_rng(1).permutation(16)], durations=np.full(16, 12)
    )
    for n_notes, is_leak in ((11, True), (10, False)):
        other = borrowed(melody, 500, at=2, n_notes=n_notes, semitones=semitones)
        found = leaks([TARGET[1], other], {"test": [melody]})
        assert [(leak.index, leak.shares, leak.side) for leak in found] == [(1, INTERVALS, "test")] * is_leak


@pytest.mark.parametrize("title", ["The Keel Row", "keel row, the", "KEEL ROW", "Keel Row (2)"])
def test_titles_are_the_same_whatever_their_case_article_and_number(title: str) -> None:
    held_out = replace(TARGET[0], title="Keel Row, The")
    [leak] = leaks([tune(300, "Other"), tune(301, title)], {"validation": [held_out]})
    assert (leak.index, leak.shares, leak.side, leak.held_out) == (1, TITLE, "validation", held_out)


def test_generic_titles_are_no_leak() -> None:
    assert leaks([tune(300, "Jig"), tune(301, "")], {"test": [tune(1, "Jig"), tune(2, "")]}) == ()


def test_a_guarded_corpus_has_nothing_of_the_held_out_tunes_and_lists_what_it_left_out() -> None:
    target = MelodyDataModule(Tunes(tuple(tune(seed, word(seed)) for seed in range(40))))
    target.setup()
    held_out = [*target.melodies["validation"], *target.melodies["test"]]
    trained_on = target.melodies["train"]
    other = [tune(seed, word(seed)) for seed in range(50, 90)]
    copies = [replace(each.transposed(2), title=f"copied {word(place)}") for place, each in enumerate(held_out)]
    namesakes = [tune(600 + place, f"{each.title.upper()}, THE") for place, each in enumerate(held_out)]
    allowed = [replace(each.transposed(-3), title=f"allowed {word(place)}") for place, each in enumerate(trained_on)]
    guarded = MelodyDataModule(Tunes((*copies, *other, *namesakes, *allowed)), guard=target)
    guarded.setup()

    left = [melody for side in guarded.melodies.values() for melody in side]
    assert sorted(each.title for each in left) == sorted(each.title for each in (*other, *allowed))
    assert not list(resembling(left, held_out))
    manifest = guarded.manifest()
    assert list(manifest)[:3] == ["corpus", "guard", "split_seed"]
    guard = manifest["guard"]
    assert list(guard) == ["corpus", "split_seed", "hash", "test_set_hash", "counts", "left_out"]
    assert guard["hash"] == target.manifest()["hash"] != manifest["hash"]
    assert guard["test_set_hash"] == target.test_set_hash
    assert guard["counts"] == {INTERVALS: len(held_out), TITLE: len(held_out)}
    listed = {(each["title"], each["shares"], each["with"]["title"]) for each in guard["left_out"]}
    assert listed == {
        *((copy.title, INTERVALS, each.title) for copy, each in zip(copies, held_out, strict=True)),
        *((namesake.title, TITLE, each.title) for namesake, each in zip(namesakes, held_out, strict=True)),
    }
    assert guarded.guarded is not None
    assert f"left out {2 * len(held_out)} tunes" in guarded.guarded.line()


def test_rule_2_finds_variants_that_share_no_ten_intervals() -> None:
    held_out = {"validation": [walking_tune(1)], "test": [walking_tune(2, title="Parnell's")]}
    variant = in_minor(ornamented(slower(walking_tune(2)), seed=3, share=0.6))
    namesake = walking_tune(3, title="PARNELL'S -- REEL")
    copy = walking_tune(1).transposed(1)
    tunes = [walking_tune(4), namesake, copy, variant]
    found = leaks(tunes, held_out, rule=2)
    assert [(leak.index, leak.shares, leak.side) for leak in found] == [
        (1, TITLE, "test"),
        (2, INTERVALS, "validation"),
        (3, PASSAGE, "test"),
    ]
    assert [leak.index for leak in leaks(tunes, held_out, rule=1)] == [2]
    with pytest.raises(ValueError, match="got 3"):
        leaks(tunes, held_out, rule=3)


@pytest.mark.parametrize("rule", [1, 2])
def test_by_rule_2_a_copy_is_left_out_and_reported(rule: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_loader, "SPLIT_RULE", rule)
    tunes = [tune(seed, word(seed)) for seed in range(12)]
    copy = replace(tunes[3].transposed(2), title="copy", source="files:copy")
    data = MelodyDataModule(Tunes((*tunes, copy)))
    data.setup()
    assert data.report is not None
    n_tunes = sum(map(len, data.melodies.values()))
    assert n_tunes == data.report.n_melodies == {1: 13, 2: 12}[rule]
    reasons = [(dropped.source, dropped.reason) for dropped in data.report.dropped]
    assert reasons == [("files:copy", f"the same notes as {tunes[3].source}")] * (rule == 2)


def test_copies_in_a_division_that_is_given_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_loader, "SPLIT_RULE", 2)
    data = data_loader.DividedMelodies([tune(1, "a"), tune(1, "b")], [tune(1, "c")])
    data.setup()
    assert [len(data.melodies[side]) for side in ("train", "validation")] == [2, 1]
