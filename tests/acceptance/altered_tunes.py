"""Melodies made from nothing or from real tunes, which scores must tell from real tunes.

A bar is a list of notes; the upbeat is a bar of its own, which may be empty. ``made`` are melodies of which nothing or
little of a real tune is left, ``altered`` keep nearly all of one, and the choice of features has seen none of
``held_out``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from tests.acceptance.controls import MarkovOrder2, sounding, with_pitches

from chromasonic.melody_generation.melody import REST, IntArray, Melody

Generator = np.random.Generator
Tunes = Sequence[Melody]
Bar = list[tuple[int, int]]
Maker = Callable[[Melody, Generator], Melody]

_MAJOR, _MINOR = np.array([0, 2, 4, 5, 7, 9, 11]), np.array([0, 2, 3, 5, 7, 8, 10])
_OCTAVE_5 = 35  # steps of the scale up to MIDI number 60
_FORMS = ("aabb", "abac", "aaba", "abcb")  # 4-bar phrases; where a letter returns, its last bar is another one


def split_bars(melody: Melody) -> list[Bar]:
    """Return the notes of each bar as (pitch, duration); the first bar is the upbeat, which may be empty."""
    lines = melody.bar_lines
    bars: list[Bar] = [[] for _ in range(len(lines) + 1)]
    for onset, pitch, duration in zip(
        melody.onsets.tolist(), melody.pitches.tolist(), melody.durations.tolist(), strict=True
    ):
        bars[int(np.searchsorted(lines, onset, side="right"))].append((pitch, duration))
    return bars


def of_bars(melody: Melody, bars: Sequence[Bar], start: int | None = None) -> Melody:
    """Return a melody of other bars, in the key and metre of ``melody``."""
    notes = [note for bar in bars for note in bar]
    return Melody(
        [pitch for pitch, _ in notes],
        [duration for _, duration in notes],
        melody.metre,
        melody.start if start is None else start,
        tonic=melody.tonic,
        mode=melody.mode,
    )


def _scale(melody: Melody) -> IntArray:
    return _MINOR if melody.mode in ("minor", "dorian", "phrygian", "locrian") else _MAJOR


def to_steps(melody: Melody, pitches: IntArray) -> tuple[IntArray, IntArray]:
    """Return the step of the scale of each pitch, 7 in an octave, and what is left in semitones."""
    scale, heights = _scale(melody), pitches - melody.tonic
    degree = np.searchsorted(scale, heights % 12, side="right") - 1
    return 7 * (heights // 12) + degree, heights % 12 - scale[degree]


def from_steps(melody: Melody, steps: IntArray, left: IntArray | int = 0) -> IntArray:
    return np.asarray(_scale(melody)[steps % 7] + 12 * (steps // 7) + melody.tonic + left)


def another(melody: Melody, tunes: Tunes, rng: Generator) -> Melody:
    """Return another tune of the same metre and mode, transposed to the same tonic."""
    fits = [tune for tune in tunes if tune.metre == melody.metre and tune.mode == melody.mode]
    fits = [tune for tune in fits if len(tune.bar_lines) >= 8 and tune != melody] or list(tunes)
    tune = fits[int(rng.integers(len(fits)))]
    return tune.transposed((melody.tonic - tune.tonic + 6) % 12 - 6)


class FirstOrderDegrees:
    """A Markov chain of order 1 over the scale degrees of training tunes, with their octave."""

    def __init__(self, tunes: Tunes) -> None:
        self.followers: dict[tuple[bool, int], list[int]] = defaultdict(list)
        for tune in tunes:
            pitches = sounding(tune) - tune.tonic
            for last, following in zip(pitches[:-1].tolist(), pitches[1:].tolist(), strict=True):
                self.followers[tune.mode == "minor", last].append(following)

    def __call__(self, n: int, melody: Melody, rng: Generator) -> IntArray:
        pitches = [72 if melody.tonic < 6 else 60]
        while len(pitches) < n:
            choices = self.followers.get((melody.mode == "minor", pitches[-1])) or [60, 64, 67, 72]
            pitches.append(choices[int(rng.integers(len(choices)))])
        return np.array(pitches) + melody.tonic


def walking_degrees(n: int, melody: Melody, rng: Generator) -> IntArray:
    """Return n pitches of the scale about the tonic, each near the last one."""
    steps = [int(rng.integers(0, 8))]
    while len(steps) < n:
        step = steps[-1] + int(rng.choice([-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3]))
        if -3 <= step <= 10:
            steps.append(step)
    return from_steps(melody, np.array(steps) + _OCTAVE_5)


def uniform_degrees(n: int, melody: Melody, rng: Generator) -> IntArray:
    return from_steps(melody, _OCTAVE_5 + rng.integers(-3, 9, size=n))


def formed(tunes: Tunes, pitches_of: Callable[[int, Melody, Generator], IntArray]) -> Maker:
    """Return a maker of melodies in one of ``_FORMS`` on the rhythm of bars of a training tune."""

    def make(melody: Melody, rng: Generator) -> Melody:
        bars = [bar for bar in split_bars(another(melody, tunes, rng))[1:] if bar]
        begin = int(rng.integers(max(1, len(bars) - 12)))
        phrases: dict[str, list[Bar]] = {}
        chosen: list[Bar] = []
        for letter in _FORMS[int(rng.integers(len(_FORMS)))]:
            rhythm = [bars[(begin + 4 * len(phrases) + i) % len(bars)] for i in range(4)]
            pitches = iter(pitches_of(sum(map(len, rhythm)), melody, rng).tolist())
            fresh = [[(next(pitches), duration) for _, duration in bar] for bar in rhythm]
            returns = letter in phrases
            phrase = phrases.setdefault(letter, fresh)
            chosen += [*phrase[:3], fresh[3]] if returns else phrase
        return of_bars(melody, chosen, start=0)

    return make


def looped_bar(melody: Melody, rng: Generator) -> Melody:
    bars = [bar for bar in split_bars(melody)[1:] if bar]
    return of_bars(melody, [bars[int(rng.integers(len(bars)))]] * 16, start=0)


def looped_phrase(melody: Melody, rng: Generator) -> Melody:
    return of_bars(melody, [bar for bar in split_bars(melody)[1:5] if bar] * 4, start=0)


def retrograde(melody: Melody, rng: Generator) -> Melody:
    """Play the notes backwards; what was the end of a bar is its beginning."""
    bar = melody.metre.bar_ticks
    start = -(melody.start + melody.ticks) % bar
    return Melody(
        melody.pitches[::-1], melody.durations[::-1], melody.metre, start, tonic=melody.tonic, mode=melody.mode
    )


def inverted_chromatically(melody: Melody, rng: Generator) -> Melody:
    pitches = sounding(melody)
    return with_pitches(melody, pitches.max() + pitches.min() - pitches)


def inverted_about_first(melody: Melody, rng: Generator) -> Melody:
    pitches = sounding(melody)
    return with_pitches(melody, (2 * pitches[0] - pitches).clip(30, 100))


def inverted_in_scale(melody: Melody, rng: Generator) -> Melody:
    steps, _ = to_steps(melody, sounding(melody))
    return with_pitches(melody, from_steps(melody, steps.max() + steps.min() - steps))


def inverted_in_scale_about_first(melody: Melody, rng: Generator) -> Melody:
    steps, _ = to_steps(melody, sounding(melody))
    return with_pitches(melody, from_steps(melody, 2 * steps[0] - steps))


def shuffled_bars(melody: Melody, rng: Generator) -> Melody:
    upbeat, *bars = split_bars(melody)
    return of_bars(melody, [upbeat, *(bars[i] for i in rng.permutation(len(bars)))])


def pitches_backwards(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, sounding(melody)[::-1])


def pitches_on_another_rhythm(tunes: Tunes) -> Maker:
    def make(melody: Melody, rng: Generator) -> Melody:
        rhythm = replace(another(melody, tunes, rng).without_form(), tonic=melody.tonic, mode=melody.mode)
        return with_pitches(rhythm, np.resize(sounding(melody), len(sounding(rhythm))))

    return make


def octave_errors(melody: Melody, rng: Generator) -> Melody:
    """Move a tenth of the notes by an octave."""
    pitches = sounding(melody).copy()
    chosen = rng.permutation(len(pitches))[: max(2, round(0.1 * len(pitches)))]
    pitches[chosen] += rng.choice([-12, 12], size=len(chosen))
    return with_pitches(melody, pitches)


def spliced(tunes: Tunes) -> Maker:
    """Return a maker that continues the first half with the second half of another tune."""

    def make(melody: Melody, rng: Generator) -> Melody:
        first, second = split_bars(melody), split_bars(another(melody, tunes, rng))
        return of_bars(melody, [*first[: 1 + (len(first) - 1) // 2], *second[1 + (len(second) - 1) // 2 :]])

    return make


def phrases_reordered(melody: Melody, rng: Generator) -> Melody:
    """Put phrases of four bars into another order."""
    upbeat, *bars = split_bars(melody)
    phrases = [bars[i : i + 4] for i in range(0, len(bars), 4)]
    order = rng.permutation(len(phrases))
    if (np.diff(order) > 0).all():
        order = np.roll(order, 1)
    return of_bars(melody, [upbeat, *(bar for i in order for bar in phrases[i])])


def bar_lines_shifted(melody: Melody, rng: Generator) -> Melody:
    """Shift the bar lines by half a bar."""
    bar = melody.metre.bar_ticks
    return replace(melody, start=(melody.start + bar // 2) % bar, departures=(), form=())


def two_bars_cut(melody: Melody, rng: Generator) -> Melody:
    bars = split_bars(melody)
    middle = len(bars) // 2
    return of_bars(melody, [*bars[:middle], *bars[middle + 2 :]])


def transposed_within_mode(melody: Melody, rng: Generator) -> Melody:
    """Move all notes by the same number of steps of the scale."""
    steps, left = to_steps(melody, sounding(melody))
    return with_pitches(melody, from_steps(melody, steps + int(rng.choice([-3, -2, -1, 1, 2, 3])), left))


def last_note_a_step_off(melody: Melody, rng: Generator) -> Melody:
    pitches = sounding(melody)
    steps, _ = to_steps(melody, pitches)
    last = from_steps(melody, steps[-1:] + int(rng.choice([-1, 1])))
    return with_pitches(melody, np.concatenate([pitches[:-1], last]))


def notes_moved(melody: Melody, part: float, rng: Generator) -> Melody:
    """Move a part (0 to 1) of the notes by one to three steps of the scale."""
    steps, left = to_steps(melody, sounding(melody))
    chosen = rng.permutation(len(steps))[: round(part * len(steps))]
    steps[chosen] += rng.choice([-3, -2, -1, 1, 2, 3], size=len(chosen))
    return with_pitches(melody, from_steps(melody, steps, left))


def pitches_three_notes_later(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, np.roll(sounding(melody), 3))


def bars_doubled(melody: Melody, rng: Generator) -> Melody:
    upbeat, *bars = split_bars(melody)
    return of_bars(melody, [upbeat, *(bar for bar in bars for _ in range(2))])


def durations_shuffled(melody: Melody, rng: Generator) -> Melody:
    durations = rng.permutation(melody.durations)
    return Melody(melody.pitches, durations, melody.metre, melody.start, tonic=melody.tonic, mode=melody.mode)


def phrases_moved(melody: Melody, rng: Generator) -> Melody:
    """Move each phrase of four bars by other steps of the scale."""
    steps, left = to_steps(melody, sounding(melody))
    onsets = melody.onsets[melody.pitches != REST]
    phrases = np.searchsorted(melody.bar_lines, onsets, side="right") // 4
    moves = rng.integers(-3, 4, size=int(phrases.max()) + 1)
    return with_pitches(melody, from_steps(melody, steps + moves[phrases], left))


def last_bar_missing(melody: Melody, rng: Generator) -> Melody:
    return of_bars(melody, split_bars(melody)[:-1])


def one_bar_twice(melody: Melody, rng: Generator) -> Melody:
    bars = split_bars(melody)
    chosen = int(rng.integers(1, len(bars)))
    return of_bars(melody, [*bars[:chosen], bars[chosen], *bars[chosen:]])


def bars_of_two_tunes(tunes: Tunes) -> Maker:
    """Return a maker that takes bars from two tunes in turn."""

    def make(melody: Melody, rng: Generator) -> Melody:
        first, second = split_bars(melody), split_bars(another(melody, tunes, rng))
        n = min(len(first), len(second))
        return of_bars(melody, [(first, second)[index % 2][index] for index in range(n)])

    return make


def made(tunes: Tunes) -> dict[str, Maker]:
    """Return makers of melodies of which nothing or little of a real tune is left."""
    order_2 = MarkovOrder2(tunes, own_rhythm=False)

    def second_order(n: int, melody: Melody, rng: Generator) -> IntArray:
        return order_2.degrees(n, rng) + melody.tonic

    return {
        "formed_walk": formed(tunes, walking_degrees),
        "formed_uniform_degrees": formed(tunes, uniform_degrees),
        "formed_markov_1": formed(tunes, FirstOrderDegrees(tunes)),
        "formed_markov_2": formed(tunes, second_order),
        "looped_bar": looped_bar,
        "looped_phrase": looped_phrase,
        "retrograde": retrograde,
        "inverted_chromatically": inverted_chromatically,
        "inverted_about_first": inverted_about_first,
        "inverted_in_scale": inverted_in_scale,
        "inverted_in_scale_about_first": inverted_in_scale_about_first,
        "shuffled_bars": shuffled_bars,
        "pitches_backwards": pitches_backwards,
        "pitches_on_another_rhythm": pitches_on_another_rhythm(tunes),
        "octave_errors": octave_errors,
    }


def altered(tunes: Tunes) -> dict[str, Maker]:
    """Return makers of melodies that keep nearly all of a real tune."""
    return {
        "spliced": spliced(tunes),
        "phrases_reordered": phrases_reordered,
        "bar_lines_shifted": bar_lines_shifted,
        "two_bars_cut": two_bars_cut,
        "transposed_within_mode": transposed_within_mode,
        "last_note_a_step_off": last_note_a_step_off,
    }


def held_out(tunes: Tunes) -> dict[str, Maker]:
    """Return makers that were tried once, after features and their combination had been chosen."""
    return {
        "pitches_three_notes_later": pitches_three_notes_later,
        "bars_doubled": bars_doubled,
        "durations_shuffled": durations_shuffled,
        "phrases_moved": phrases_moved,
        "last_bar_missing": last_bar_missing,
        "one_bar_twice": one_bar_twice,
        "bars_of_two_tunes": bars_of_two_tunes(tunes),
    }


def climbed(melody: Melody, score: Callable[[Melody], float], n_mutations: int, rng: Generator) -> Melody:
    """Change the pitch of one note at a time, and keep the change if the score does not fall."""
    lowest, highest = int(sounding(melody).min()), int(sounding(melody).max())
    best = score(melody)
    for _ in range(n_mutations):
        pitches = sounding(melody).copy()
        pitches[int(rng.integers(len(pitches)))] = int(rng.integers(lowest, highest + 1))
        mutated = with_pitches(melody, pitches)
        mutated_score = score(mutated)
        if mutated_score >= best:
            melody, best = mutated, mutated_score
    return melody
