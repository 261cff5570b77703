from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.plots.figures import figure_to_png
from chromasonic.melody_generation.plots.piano_roll import plot_piano_roll

pytestmark = pytest.mark.usefixtures("drawn")

JIG = Melody([67, 66, 71, REST, 79], [12, 24, 12, 36, 36], Metre(6, 8), 60, tonic=7, title="A $jig$")


def blocks(figure: Figure) -> list[tuple[float, float, float]]:
    """Return begin, end and middle pitch of each note's block."""
    [axes] = figure.axes
    collection = next(item for item in axes.collections if isinstance(item, PolyCollection))
    bounds = []
    for path in collection.get_paths():
        corners = np.asarray(path.vertices)
        bounds.append((corners[:, 0].min(), corners[:, 0].max(), float(corners[:4, 1].mean())))
    return bounds


@pytest.mark.slow
@given(melodies(min_notes=1))
@settings(max_examples=25)
def test_every_note_is_a_block_at_its_time_and_pitch(melody: Melody) -> None:
    sounding = melody.pitches != REST
    figure = plot_piano_roll(melody)
    drawn = blocks(figure)
    assert [begin for begin, _, _ in drawn] == melody.onsets[sounding].tolist()
    assert [height for _, _, height in drawn] == pytest.approx(melody.pitches[sounding].tolist())
    for (begin, end, _), duration in zip(drawn, melody.durations[sounding], strict=True):
        assert 1 <= end - begin <= duration
    assert figure.axes[0].get_xlim() == (0, melody.ticks)


def test_bars_are_numbered_and_pitches_are_spelled_in_the_key() -> None:
    [axes] = plot_piano_roll(JIG).axes
    assert [
        (tick, label.get_text()) for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    ] == [
        (12, "1"),
        (84, "2"),
    ]
    assert {label.get_text() for label in axes.get_yticklabels()} == {"F#4", "G4", "B4", "G5"}
    assert axes.get_title(loc="left") == "A $jig$"
    assert axes.get_title(loc="right") == "G major, 6/8"


def test_pitch_names_of_a_wide_range_do_not_overlap() -> None:
    [axes] = plot_piano_roll(Melody(range(40, 90), [12] * 50, tonic=2)).axes
    ticks = sorted(axes.get_yticks())
    assert len(ticks) > 8
    assert np.diff(ticks).min() >= 4
    assert {50, 62, 74, 86} <= set(ticks)


def test_many_bars_are_numbered_at_a_regular_step() -> None:
    [axes] = plot_piano_roll(Melody([60] * 400, [24] * 400)).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(number) for number in range(1, 100, 8)]


@pytest.mark.slow
def test_departures_rests_and_free_metre_are_drawn() -> None:
    plot_piano_roll(Melody([60] * 4, [24] * 4, departures=[Departure(3)]))
    plot_piano_roll(Melody([REST], [24]))
    plot_piano_roll(Melody([60], [24], Metre.parse("free")))


def test_nothing_is_clipped_at_the_edges() -> None:
    for melody in (JIG, Melody([61, 97], [6, 6], tonic=6, title="W" * 300), Melody([60], [24], title="漢" * 9)):
        with Image.open(io.BytesIO(figure_to_png(plot_piano_roll(melody)))) as image:
            assert image.size == (1200, 360)
            dark = 255 - np.asarray(image.convert("L"))
        for edge in (dark[:3], dark[-3:], dark[:, :3], dark[:, -3:]):
            assert not edge.any()


def test_a_melody_without_notes_raises_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        plot_piano_roll(Melody([], []))
