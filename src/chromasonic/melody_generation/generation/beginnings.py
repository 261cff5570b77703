"""Beginnings: melodies of a few notes or none, which a model continues."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.conditions import parse_key, parse_metre, parse_upbeat
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.primer import fit_primer
from chromasonic.melody_generation.melody import MODES, Melody, Metre
from chromasonic.melody_generation.sign_grammar import simple_signs
from chromasonic.melody_generation.vocabulary import UNKNOWN_KIND


def beginning_of(melody: Melody, n_notes: int = 0) -> Melody:
    """Return the beginning of a melody: its conditions and its first notes, without title, source and chords.

    Args:
        melody: The melody, whose corpus, metre, mode, tonic and upbeat are taken.
        n_notes: The number of its first notes and rests that are taken.

    Example:
        >>> jig = Melody([62, 66, 69], [12, 24, 12], Metre(6, 8), start=60, tonic=2, title="A jig")
        >>> beginning_of(jig) == Melody([], [], Metre(6, 8), start=60, tonic=2)
        True
    """
    signs = simple_signs(melody.form, len(melody), melody.part_order)
    return replace(
        melody,
        pitches=melody.pitches[:n_notes],
        durations=melody.durations[:n_notes],
        departures=tuple(departure for departure in melody.departures if departure.note < n_notes),
        title="",
        source="",
        form=tuple(mark for mark in signs if mark.note < n_notes),
        part_order="",
        chords=(),
        spelling=melody.spelling[:0],
    )


def make_beginning(config: GenerationConfig, primer: Melody | None, corpus: str) -> Melody:
    """Return the beginning that a configuration asks for.

    Without a primer it has no notes, and is in C major, 4/4 and without an upbeat by default. A primer is moved into
    the key that is asked for.

    Args:
        config: The options.
        primer: The melody to continue, if there is one.
        corpus: The collection in whose style the melody is generated.

    Raises:
        InputError: If the upbeat does not fit the metre, the primer contradicts the options, or it cannot be
            continued.
    """
    if primer is None:
        if config.primer_notes is not None:
            raise InputError("primer_notes says how much of a primer is taken, but no primer was given")
        names = ("primer_bars", "without_primer", "fill", "vary")
        name = next((name for name in names if getattr(config, name) not in (None, False)), None)
        if name:
            raise InputError(f"{name} is about a primer, but no primer was given")
        metre = Metre(4, 4) if config.metre is None else parse_metre(config.metre)
        start = 0 if config.upbeat is None else parse_upbeat(config.upbeat, metre)
        tonic = 0 if config.key is None else parse_key(config.key)
        mode, kind = config.mode or MODES[0], config.kind or UNKNOWN_KIND
        return Melody([], [], metre, start, tonic=tonic, mode=mode, corpus=corpus, kind=kind)
    n_notes = n_notes_taken(config, primer)
    if not 1 <= n_notes <= len(primer):
        raise InputError(f"the primer has {len(primer)} notes and rests, so {n_notes} of them cannot be taken")
    beginning = beginning_of(primer, n_notes)
    if config.form is not None:  # its signs replace those of the primer
        beginning = replace(beginning, form=())
    return _continue_primer(config, replace(beginning, corpus=corpus, kind=config.kind or beginning.kind))


def n_notes_taken(config: GenerationConfig, primer: Melody) -> int:
    """Return how many notes and rests of a primer are taken, as ``primer_notes`` or ``primer_bars`` says.

    Raises:
        InputError: If the primer has fewer bars.
    """
    if config.primer_bars is None:
        return len(primer) if config.primer_notes is None else config.primer_notes
    if config.primer_bars > primer.n_bars:
        raise InputError(f"the primer has {primer.n_bars} bars, so primer_bars={config.primer_bars} is not possible")
    later = primer.bar_lines[config.primer_bars :]
    return int(np.searchsorted(primer.onsets, later[0])) if len(later) else len(primer)


def _continue_primer(config: GenerationConfig, primer: Melody) -> Melody:
    for name, asked, is_other in (
        ("mode", config.mode, config.mode != primer.mode),
        ("metre", config.metre, config.metre is not None and parse_metre(config.metre) != primer.metre),
        (
            "upbeat",
            config.upbeat,
            config.upbeat is not None and parse_upbeat(config.upbeat, primer.metre) != primer.start,
        ),
    ):
        if asked is not None and is_other:
            raise InputError(f"the primer brings its own {name}, which is not {asked}: leave {name} out")
    fit = fit_primer(primer, "the primer")  # its pitches stay among those of MIDI in any key
    if fit.n_rounded:
        raise InputError(
            f"the primer cannot be continued: the vocabulary lacks the durations of {fit.n_rounded} of its "
            "notes; NoteVocabulary().fit rounds them"
        )
    return primer if config.key is None else primer.transposed(parse_key(config.key) - primer.tonic)
