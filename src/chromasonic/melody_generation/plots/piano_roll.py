"""Figure of a melody as a piano roll: pitch against time, with bars, beats and pitch names."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.score import check_writable
from chromasonic.melody_generation.notation.spelling import Spelling
from chromasonic.melody_generation.notation.tempo import beat_ticks
from chromasonic.melody_generation.notation.titles import plain_title
from chromasonic.melody_generation.plots.figures import BLUE, GREEN, NEUTRAL
from chromasonic.melody_generation.plots.fonts import DRAWING, SANS_BOLD, replace_missing_glyphs, truncate_text

_BAR_LINE, _BEAT_LINE, _TONIC_BAND = "#999999", "#E6E6E6", "#F3EBDD"
_MAX_BAR_NUMBERS, _MAX_BEATS, _MAX_NAMES = 20, 100, 16
_NOTE_HEIGHT = 0.84  # of a semitone
_GAP = 0.8  # ticks by which a note is drawn shorter, to separate repeated notes
_MARGIN = 1.5  # semitones above and below
_TITLE_SIZE, _TITLE_WIDTH = 13, 660  # in points


@DRAWING.held()
def plot_piano_roll(melody: Melody) -> Figure:
    """Draw a melody with a block for each note, and the notes on the tonic in another colour.

    Args:
        melody: A melody of one note or more.

    Returns:
        A figure of 1200 x 360 pixels that is independent of pyplot. Its axes show time in ticks, from 0 at the first
        note to the end of the last note, and pitch in MIDI numbers.

    Raises:
        InputError: If there is no note.
    """
    check_writable(melody)
    figure = Figure(figsize=(12, 3.6), dpi=100)
    # Fixed margins: measuring the labels first would take most of the time.
    axes = figure.add_axes((0.05, 0.14, 0.935, 0.72))
    spelling = Spelling.for_melody(melody)
    title = replace_missing_glyphs(
        truncate_text(plain_title(melody.title), _TITLE_WIDTH, _TITLE_SIZE, SANS_BOLD), SANS_BOLD
    )
    axes.set_title(title, loc="left", fontsize=_TITLE_SIZE, fontweight="bold", parse_math=False)
    axes.set_title(f"{spelling.name}, {melody.metre}", loc="right", fontsize=10, color=NEUTRAL)
    _draw_time(axes, melody)
    _draw_pitches(axes, melody, spelling)
    _draw_notes(axes, melody)
    axes.set_xlim(0, melody.ticks)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _draw_notes(axes: Axes, melody: Melody) -> None:
    sounding = melody.pitches != REST
    pitches = melody.pitches[sounding]
    begins = melody.onsets[sounding]
    ends = begins + np.maximum(melody.durations[sounding] - _GAP, 1)
    low, high = pitches - _NOTE_HEIGHT / 2, pitches + _NOTE_HEIGHT / 2
    corners = [[begins, low], [begins, high], [ends, high], [ends, low]]
    blocks = np.array(corners, dtype=np.float64).transpose(2, 0, 1)
    colours = [GREEN if pitch % 12 == melody.tonic else BLUE for pitch in pitches]
    axes.add_collection(PolyCollection(list(blocks), facecolors=colours, zorder=3))


def _draw_time(axes: Axes, melody: Melody) -> None:
    """Draw bar lines, beats and bar numbers; an upbeat is bar 0, as in print."""
    lines = melody.bar_lines.tolist()
    axes.vlines(lines, 0, 1, transform=axes.get_xaxis_transform(), color=_BAR_LINE, linewidth=0.8, zorder=2)
    beats = _beats(melody)
    if len(beats) <= _MAX_BEATS:
        axes.vlines(beats, 0, 1, transform=axes.get_xaxis_transform(), color=_BEAT_LINE, linewidth=0.6, zorder=1)
    step = 1
    while len(lines) > step * _MAX_BAR_NUMBERS:
        step *= 2
    axes.set_xticks(lines[::step], [str(number) for number in range(1, len(lines) + 1, step)], ha="left")
    axes.set_xlabel("bar", loc="right", fontsize=9, color=NEUTRAL, labelpad=-2)


def _beats(melody: Melody) -> list[int]:
    """Return the ticks from the first note of the beats that begin no bar."""
    beats: list[int] = []
    for begin, end, metre, position in melody.segments:
        beat = beat_ticks(metre)
        first = int(melody.onsets[begin])
        last = int(melody.onsets[end - 1] + melody.durations[end - 1])
        bars = metre.bar_ticks
        first_beat = first + -position % beat
        beats.extend(tick for tick in range(first_beat, last, beat) if (tick - first + position) % bars)
    return beats


def _draw_pitches(axes: Axes, melody: Melody, spelling: Spelling) -> None:
    """Draw a band at each tonic, and the names of the sounding pitches."""
    sounding = np.unique(melody.pitches[melody.pitches != REST]).tolist()
    low, high = (sounding[0], sounding[-1]) if sounding else (60, 72)
    axes.set_ylim(low - _MARGIN, high + _MARGIN)
    for pitch in range(low, high + 1):
        if pitch % 12 == melody.tonic:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color=_TONIC_BAND, zorder=0)
    spelled = {pitch: spelling.spell(pitch) for pitch in _labelled_pitches(sounding, melody.tonic, spelling)}
    axes.set_yticks(list(spelled), [f"{pitch.name}{pitch.octave}" for pitch in spelled.values()], fontsize=9)


def _labelled_pitches(sounding: list[int], tonic: int, spelling: Spelling) -> list[int]:
    """Select pitches whose labels do not overlap: tonics and fifths first, then others of the key, then the rest."""
    steps = spelling.alterations()
    in_key = {pitch: steps[spelling.spell(pitch).step] == spelling.spell(pitch).alter for pitch in sounding}
    importance = {pitch: (pitch - tonic) % 12 not in {0, 7} and 2 - in_key[pitch] for pitch in sounding}
    span = sounding[-1] - sounding[0] if sounding else 0
    min_distance = -(-span // _MAX_NAMES)
    labelled: list[int] = []
    for pitch in sorted(sounding, key=importance.__getitem__):
        if all(abs(pitch - other) >= min_distance for other in labelled):
            labelled.append(pitch)
    return labelled
