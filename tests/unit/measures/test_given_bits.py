import math
from dataclasses import replace

import pytest

from chromasonic.melody_generation.measures.given_bits import given_bits
from chromasonic.melody_generation.melody import Melody, Metre

TUNE = Melody([60, 62, 64, 65], [24] * 4, tonic=0)


def test_two_equally_frequent_tonics_and_metres_that_depend_on_each_other_are_one_bit() -> None:
    other = replace(TUNE, tonic=2, metre=Metre.parse("3/4"))
    bits = given_bits([TUNE, other] * 5000, [TUNE, other] * 3)
    assert bits.entropy == pytest.approx(1)
    assert bits.per_tune == pytest.approx(1, abs=1e-3)
    assert bits.per_note == pytest.approx(1 / 4, abs=1e-3)
    assert bits.by_fact == pytest.approx({"tonic": 1, "metre": 1, "mode": 0, "upbeat": 0}, abs=1e-3)


def test_a_tune_unlike_all_others_is_improbable_but_not_impossible() -> None:
    odd = replace(TUNE, tonic=6, metre=Metre.parse("7/8"), start=12)
    bits = given_bits([TUNE] * 100, [odd])
    assert 15 < bits.per_tune < math.inf


def test_probabilities_of_all_tonics_add_up_to_one() -> None:
    training = [replace(TUNE, tonic=tonic) for tonic in (0, 0, 2, 7)]
    total = sum(2 ** -given_bits(training, [replace(TUNE, tonic=tonic)]).by_fact["tonic"] for tonic in range(12))
    assert total == pytest.approx(1)


def test_without_tunes_it_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0 and 1"):
        given_bits([], [TUNE])
