"""Give a melody chords."""

from __future__ import annotations

from dataclasses import replace

from chromasonic.melody_generation.harmony.chord_model import ChordModel, shipped_chord_model
from chromasonic.melody_generation.melody import Melody


def harmonise(melody: Melody, model: ChordModel | None = None) -> Melody:
    """Return a melody with chords, which replace those that it has.

    The chords are the most probable ones as a whole: at most one for each half bar, bar or beat, as the metre suggests
    (:mod:`~chromasonic.melody_generation.harmony.chord_units`). They are major, minor or seventh chords in root
    position, written where the harmony changes and where a part begins. A melody without a sounding note gets none.

    Args:
        melody: The melody; its key, metre and form are taken as they are.
        model: The model; None for the one of the package.

    Example:
        >>> melody = Melody([67, 71, 74, 71, 72, 69, 66, 69, 67], [24] * 8 + [96], tonic=7)
        >>> [(chord.onset, chord.root, chord.quality) for chord in harmonise(melody).chords]
        [(0, 7, 'major'), (96, 2, '7'), (192, 7, 'major')]
    """
    return replace(melody, chords=(model or shipped_chord_model()).chords(melody))
