"""In whose manner a network makes up melodies where nothing else is asked for: that of its training tunes.

Every token sequence begins with the collection that a tune is from. One that training never showed, such as
``"unknown"`` after tunes that all have a collection, is a beginning that the network knows nothing about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.vocabulary import CORPORA

_UNKNOWN = CORPORA[0]
_ATTRIBUTE = "corpus"


def usual_corpus(tunes: Iterable[Melody]) -> str:
    """The collection that most tunes are of; of equally many, the one that the vocabulary has first.

    Example:
        >>> usual_corpus([Melody([60], [24], corpus=name) for name in ("airds", "oneills", "oneills")])
        'oneills'
    """
    counts = Counter(tune.corpus for tune in tunes)
    return max(CORPORA, key=lambda name: counts[name])


def corpus_in(facts: Mapping[str, Any]) -> str:
    """The collection that a checkpoint's facts name; ``"unknown"`` where they name none."""
    found = facts.get("corpus", facts.get("dataset"))
    return found if found in CORPORA else _UNKNOWN


def give_corpus(network: nn.Module, corpus: str) -> None:
    """Let a network know the collection that it was trained on, as a plain attribute, which no checkpoint sees."""
    vars(network)[_ATTRIBUTE] = corpus


def corpus_of(network: nn.Module) -> str:
    """The collection that a network was trained on; ``"unknown"`` where it does not say."""
    found = vars(network).get(_ATTRIBUTE)
    return found if isinstance(found, str) and found in CORPORA else _UNKNOWN
