from __future__ import annotations

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.notation.tempo import (
    DEFAULT_TEMPO,
    beat_ticks,
    beat_value,
    beats_per_minute,
    check_tempo,
    usual_tempo,
)
from chromasonic.melody_generation.vocabulary import METRES


@pytest.mark.parametrize(
    ("metre", "ticks"),
    [
        *(("4/4", 24), ("2/4", 24), ("3/4", 24), ("2/2", 48), ("3/2", 48)),
        *(("6/8", 36), ("9/8", 36), ("12/8", 36), ("3/8", 36), ("5/8", 12), ("7/8", 12)),
        *(("6/16", 18), ("3/16", 18), ("6/4", 72), ("9/4", 72), ("free", 24)),
    ],
)
def test_beat_of_every_kind_of_metre(metre: str, ticks: int) -> None:
    assert beat_ticks(Metre.parse(metre)) == ticks


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_every_metre_has_a_moderate_usual_tempo_and_a_note_value_for_its_beat(metre: Metre) -> None:
    tempo = usual_tempo(Melody([60], [24], metre))
    check_tempo(tempo)
    assert 50 <= beats_per_minute(metre, tempo) <= 200 or metre.unit >= 16
    assert 50 <= tempo <= 240
    assert beat_value(metre).half_ticks == 2 * beat_ticks(metre)


def test_common_time_has_the_default_tempo() -> None:
    assert usual_tempo(Melody([60], [24])) == DEFAULT_TEMPO == 120


@pytest.mark.parametrize("tempo", [0, -5, 9.9, 1000.1, float("nan"), float("inf")])
def test_a_tempo_out_of_range_raises_an_error(tempo: float) -> None:
    with pytest.raises(InputError, match="tempo is quarter notes per minute, 10 to 1000, got"):
        check_tempo(tempo)


def test_the_limits_are_in_range() -> None:
    check_tempo(10)
    check_tempo(1000)
