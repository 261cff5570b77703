"""The information that is given free with every tune: what the control prefix tells, and the tonic.

Bits per note count the tokens after the prefix, and pitches from the tonic. A model that had to name tonic, metre, mode
and upbeat as well would need the bits that are returned here on top.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from chromasonic.melody_generation.melody import MODES, Melody
from chromasonic.melody_generation.vocabulary import METRES, STARTS

# Possible values of each fact about a tune, in the order of ``_facts``.
_N_VALUES = (12, len(METRES), len(MODES), len(STARTS))


@dataclass(frozen=True)
class GivenBits:
    """Information about tonic, metre, mode and upbeat, in bits.

    Attributes:
        entropy: Entropy of their joint distribution over the training tunes.
        per_tune: Cross entropy: mean surprisal of the test tunes' values under the training tunes' distribution.
        per_note: The same over the notes and rests of the test tunes.
        by_fact: Cross entropy of each fact by itself, by name; the facts depend on each other, so their sum is more.
    """

    entropy: float
    per_tune: float
    per_note: float
    by_fact: dict[str, float]


def given_bits(training: Sequence[Melody], test: Sequence[Melody]) -> GivenBits:
    """Return how much information tonic, metre, mode and upbeat are.

    Formula: ``p(x) = (count(x) + prod p_i(x_i)) / (N + 1)`` over the N training tunes, where ``p_i(v) = (count(v) +
    1 / n_i) / (N + 1)`` is that of each fact by itself, with n_i possible values. So no test tune is impossible.

    Raises:
        ValueError: If there are no tunes of one kind.

    Example:
        >>> tune = Melody([60, 62], [24, 24], tonic=0)
        >>> bits = given_bits([tune] * 100, [tune] * 5)
        >>> bits.entropy, round(bits.per_tune, 2), round(bits.per_note, 2)
        (0.0, 0.0, 0.0)
    """
    if not training or not test:
        raise ValueError(f"expected training and test tunes, got {len(training)} and {len(test)}")
    columns = list(zip(*map(_facts, training), strict=True))
    n, joint = len(training), Counter(map(_facts, training))
    counts = [Counter[Hashable](column) for column in columns]

    def of_fact(index: int, value: Hashable) -> float:
        return (counts[index][value] + 1 / _N_VALUES[index]) / (n + 1)

    def surprisal(tune: Melody) -> float:
        facts = _facts(tune)
        apart = math.prod(of_fact(index, value) for index, value in enumerate(facts))
        return -math.log2((joint[facts] + apart) / (n + 1))

    bits = sum(map(surprisal, test))
    by_fact = {
        name: -sum(math.log2(of_fact(index, _facts(tune)[index])) for tune in test) / len(test)
        for index, name in enumerate(("tonic", "metre", "mode", "upbeat"))
    }
    entropy = -sum(count / n * math.log2(count / n) for count in joint.values())
    n_notes = sum(len(tune) for tune in test)
    return GivenBits(entropy + 0.0, bits / len(test), bits / n_notes if n_notes else math.nan, by_fact)


def _facts(tune: Melody) -> tuple[Hashable, ...]:
    return tune.tonic, tune.metre, tune.mode, tune.start
