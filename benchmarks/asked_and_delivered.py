"""Compare what is asked of a model with what it delivers, and the form of its melodies with that of real tunes.

Run ``python benchmarks/asked_and_delivered.py outputs/<lstm run> outputs/<transformer run>``, with runs on Nottingham.
Every figure is over ``--count`` melodies whose key, mode, metre and upbeat are those of test tunes. It prints the two
tables of docs/generation.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from chromasonic import Melody, load_model
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.generation.conditions import parse_range
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch
from chromasonic.melody_generation.generation.melody_sampling import sample, sample_planned
from chromasonic.melody_generation.generation.rewriting import rewrite
from chromasonic.melody_generation.melody import REST, Metre
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.vocabulary import UNKNOWN_KIND

PHRASE = 4  # bars
_FEWEST_TUNES, _SMOOTHING = 10, 100
Bar = tuple[tuple[int, int, int], ...]


def bars_of(melody: Melody) -> list[Bar]:
    """Return the notes of each bar as position, pitch and ticks; an upbeat is a bar of its own."""
    bounds = [*dict.fromkeys([0, *melody.bar_lines.tolist()]), melody.ticks]
    notes = list(zip(melody.onsets.tolist(), melody.pitches.tolist(), melody.durations.tolist(), strict=True))
    bars = [
        tuple((onset - begin, pitch, ticks) for onset, pitch, ticks in notes if begin <= onset < end)
        for begin, end in itertools.pairwise(bounds)
    ]
    return bars[1:] if melody.start else bars


def ends_on_tonic(melody: Melody) -> bool:
    """Return whether the last note is the tonic."""
    pitches = melody.pitches[melody.pitches != REST]
    return len(pitches) > 0 and bool((pitches[-1] - melody.tonic) % 12 == 0)


def has_whole_bars(melody: Melody) -> bool:
    """Return whether the last bar is complete, together with the upbeat."""
    begin, end, metre, position = melody.segments[-1]
    position += int(melody.durations[begin:end].sum())
    return bool((position - melody.start) % metre.bar_ticks == 0)


def returns(melody: Melody) -> bool:
    """Return whether the fifth bar begins like the first: half of its notes at least are the same."""
    bars = bars_of(melody)
    if len(bars) <= PHRASE or not bars[0]:
        return False
    return len({*bars[0]} & {*bars[PHRASE]}) >= len(bars[0]) / 2


def repeats_both_parts(melody: Melody) -> bool:
    """Return whether the melody has two parts, each with repeat signs or endings."""
    n_repeats = sum(mark.sign is FormSign.REPEAT_END for mark in melody.form)
    return n_repeats == 2 and not any(mark.sign is FormSign.SECTION for mark in melody.form)


FORM: dict[str, Callable[[Melody], bool]] = {
    "whole bars": has_whole_bars,
    "a multiple of 8 bars": lambda melody: melody.n_bars % 8 == 0,
    "ends on the tonic": ends_on_tonic,
    "bar 5 like bar 1": returns,
    "AABB": repeats_both_parts,
    "longer than 64 bars": lambda melody: melody.n_bars > 64,
}


class KindOfRhythm:
    """A naive Bayes classifier of kinds by the durations at each position in the bar, among tunes in one metre.

    Kinds of fewer than ten tunes are left out. Counts are smoothed by those of all kinds, with the weight of 100 notes.
    """

    def __init__(self, tunes: Sequence[Melody]) -> None:
        self._counts: dict[tuple[Metre, str], Counter[tuple[int, int]]] = {}
        self._of_all: dict[Metre, Counter[tuple[int, int]]] = {}
        n_tunes = Counter((tune.metre, tune.kind) for tune in tunes if tune.kind != UNKNOWN_KIND)
        for tune in tunes:
            if n_tunes[tune.metre, tune.kind] >= _FEWEST_TUNES:
                self._counts.setdefault((tune.metre, tune.kind), Counter()).update(_rhythm(tune))
                self._of_all.setdefault(tune.metre, Counter()).update(_rhythm(tune))

    def kinds(self, metre: Metre) -> list[str]:
        """Return the kinds that are known in a metre."""
        return [kind for known, kind in self._counts if known == metre]

    def kind(self, melody: Melody) -> str:
        """Return the likeliest kind."""

        def likelihood(kind: str) -> float:
            counts, of_all = self._counts[melody.metre, kind], self._of_all[melody.metre]
            n_notes, n_of_all = sum(counts.values()), sum(of_all.values())
            return float(
                sum(
                    np.log(
                        (counts[event] + _SMOOTHING * (of_all[event] + 1) / (n_of_all + len(of_all) + 1))
                        / (n_notes + _SMOOTHING)
                    )
                    for event in _rhythm(melody)
                )
            )

        return max(self.kinds(melody.metre), key=likelihood, default=UNKNOWN_KIND)


def _rhythm(melody: Melody) -> Iterator[tuple[int, int]]:
    return zip(melody.positions.tolist(), melody.durations.tolist(), strict=True)


def share(values: Sequence[bool]) -> str:
    """Return a share as text."""
    return f"{np.mean(values):.2f}" if len(values) else "-"


class Asking:
    """Melodies of one model on the conditions of test tunes.

    Args:
        model: The model, with the tunes of its split.
        count: The number of melodies of each row.
    """

    def __init__(self, model: TrainedModel, count: int) -> None:
        self.model, self.count = model, count
        test = [tune for tune in model.tunes["test"] if tune.metre.beats and not tune.departures]
        order = np.random.default_rng(0).permutation(len(test))
        self.tunes = [test[order[index % len(test)]] for index in range(count)]

    def beginnings(self) -> list[Melody]:
        """Return empty beginnings of unknown kind."""
        return [replace(beginning_of(tune), kind=UNKNOWN_KIND) for tune in self.tunes]

    def free(self, n_bars: int | None = None) -> list[Melody]:
        """Return melodies that the model ends, told how many bars are wanted, or nothing."""
        beginnings, vocabulary = self.beginnings(), self.model.vocabulary
        prefixes = [vocabulary.encode(beginning, n_bars)[:-1] for beginning in beginnings]
        plans = [PlanProgress([Stretch(has_signs=True)]) for _ in beginnings]
        return sample_planned(self.model, beginnings, prefixes, plans, GenerationConfig())

    def asked(self, **options: object) -> list[Melody]:
        """Return melodies with options of generation; what they leave open is the model's choice."""
        return sample(self.model, self.beginnings(), GenerationConfig(outline=False).with_changes(**options))


def delivered(asking: Asking) -> Iterator[tuple[str, str, str]]:
    """Yield what was asked, what counts as delivered, and the share that was."""
    for n_bars in (16, 32):
        told = asking.free(n_bars)
        yield f"told bars={n_bars}, ends by itself", f"{n_bars} bars", share([m.n_bars == n_bars for m in told])
        for drafts in (1, 4, 32):
            made = asking.asked(bars=n_bars, drafts=drafts)
            yield f"bars={n_bars} drafts={drafts}", f"{n_bars} bars", share([m.n_bars == n_bars for m in made])
            yield "", "ends on the tonic", share([ends_on_tonic(m) for m in made])
    made = asking.asked(bars=16, ends_on="tonic")
    yield "bars=16 ends_on=tonic", "ends on the tonic", share([ends_on_tonic(m) for m in made])
    for form, n_bars in (("AABB", 16), ("AABA", 24)):
        made = asking.asked(form=form)
        n_repeats = sum(a == b for a, b in itertools.pairwise(form))
        signs = [sum(mark.sign is FormSign.REPEAT_END for mark in m.form) == n_repeats for m in made]
        yield (
            f"form={form}",
            f"{n_bars} bars and its repeats",
            share([m.n_bars == n_bars and is_right for m, is_right in zip(made, signs, strict=True)]),
        )
        yield "", "ends on the tonic", share([ends_on_tonic(m) for m in made])
    lowest, highest = parse_range("whistle")
    made = asking.asked(range="whistle", max_notes=128)
    inside = [bool(((m.pitches == REST) | ((m.pitches >= lowest) & (m.pitches <= highest))).all()) for m in made]
    yield "range=whistle", "all notes from D4 to B5", share(inside)
    yield from _kinds(asking)
    yield from _rewritten(asking)


def _kinds(asking: Asking) -> Iterator[tuple[str, str, str]]:
    classifier = KindOfRhythm(asking.model.tunes["train"])
    for metre in (Metre(4, 4), Metre(2, 4), Metre(6, 8), Metre(3, 4)):
        kinds = classifier.kinds(metre)
        for kind in kinds if len(kinds) > 1 else ():
            real = [tune for tune in asking.model.tunes["test"] if (tune.metre, tune.kind) == (metre, kind)]
            if len(real) < 3:
                continue
            beginnings = [Melody([], [], metre, corpus=asking.model.corpus, kind=kind)] * asking.count
            unasked = [replace(beginning, kind=UNKNOWN_KIND) for beginning in beginnings]
            config = GenerationConfig(max_notes=128, outline=False)
            of_kind, of_any = (
                share([classifier.kind(melody) == kind for melody in sample(asking.model, some, config)])
                for some in (beginnings, unasked)
            )
            as_real = share([classifier.kind(tune) == kind for tune in real])
            what = f"rhythm of a {kind} (unasked {of_any}, real {as_real})"
            yield f"kind={kind} metre={metre}", what, of_kind


def _rewritten(asking: Asking) -> Iterator[tuple[str, str, str]]:
    tunes = [tune for tune in dict.fromkeys(asking.tunes) if 8 <= tune.n_bars <= 64]
    kept, changed = [], []
    for index, tune in enumerate(tunes):
        melody = rewrite(asking.model, tune, GenerationConfig(fill="5-8", seed=index))[0]
        pairs = list(zip(bars_of(tune), bars_of(melody), strict=True))
        kept.append(all(old == new for number, (old, new) in enumerate(pairs, 1) if not 4 <= number <= 9))
        melody = rewrite(asking.model, tune, GenerationConfig(vary=0.3, seed=index))[0]
        changed.append(np.mean([old != new for old, new in zip(bars_of(tune), bars_of(melody), strict=True)]))
    yield "fill=5-8 of a test tune", "the bars before 4 and after 9 stay", share(kept)
    yield "vary=0.3 of a test tune", "share of bars that change", f"{np.mean(changed):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="run directories")
    parser.add_argument("--count", type=int, default=200, help="melodies of each row")
    arguments = parser.parse_args()
    askings = [Asking(load_model(run), arguments.count) for run in arguments.runs]
    names = [asking.model.name for asking in askings]
    print("| asked | delivered |", " | ".join(names), "|")
    print("|---|---|" + "---|" * len(names))
    for rows in zip(*map(delivered, askings), strict=True):
        asked, what, _ = rows[0]
        print(f"| {f'`{asked}`' if asked else ''} | {what} |", " | ".join(value for *_, value in rows), "|")
    print()
    print("| melodies |", " | ".join(FORM), "|")
    print("|---|" + "---|" * len(FORM))
    sets: dict[str, Sequence[Melody]] = {"real test tunes": askings[0].model.tunes["test"]}
    for asking in askings:
        sets[f"{asking.model.name}, nothing asked"] = asking.free()
        for drafts in (1, 4, 16):
            name = f"{asking.model.name}, outlines of training tunes, drafts={drafts}"
            sets[name] = asking.asked(outline=True, drafts=drafts)
        sets[f"{asking.model.name}, form=AABB"] = asking.asked(form="AABB")
    for name, melodies in sets.items():
        print(f"| {name} |", " | ".join(share([measure(m) for m in melodies]) for measure in FORM.values()), "|")


if __name__ == "__main__":
    main()
