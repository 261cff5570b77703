"""Reasons why made melodies are told from real tunes, in words: "are longer", "end on the tonic less often"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.measures.features import FEATURES, OF_A_MELODY, Feature
from chromasonic.melody_generation.measures.real_distance.plain_features import PLAIN_FEATURES
from chromasonic.melody_generation.melody import FloatArray

MAX_REASONS = 8
_LEAST_SHARE = 0.02
# The features that melodies are told by, and the words for melodies that have more of each, and less.
TOLD_BY: Mapping[str, Feature] = {**{name: FEATURES[name] for name in OF_A_MELODY}, **PLAIN_FEATURES}
PHRASES: Mapping[str, tuple[str, str]] = {
    "step_share": ("move more by step", "leap more"),
    "mean_interval": ("have larger intervals", "have smaller intervals"),
    "large_leaps": ("have more wide leaps", "have fewer wide leaps"),
    "pitch_range": ("have a wider range", "have a narrower range"),
    "distinct_bigrams": ("repeat their intervals less", "repeat their intervals more"),
    "pitch_bits": ("have less expected pitches", "have more expected pitches"),
    "surprise_peak": ("have odder single notes", "have fewer odd single notes"),
    "scale_consistency": ("keep to one scale more", "keep to one scale less"),
    "foreign_notes": ("have more notes outside the scale", "have fewer notes outside the scale"),
    "key_correlation": ("stress the key more", "stress the key less"),
    "pitch_class_entropy": ("use pitches more evenly", "use fewer pitches"),
    "stable_time": ("hold the tonic triad longer", "hold the tonic triad less long"),
    "mode_shift": ("are bound to their mode more", "could sooner be in another mode"),
    "inversion": ("are bound to up and down more", "could sooner be turned upside down"),
    "rhythm_bits": ("have less expected rhythms", "have more expected rhythms"),
    "reversal": ("are bound to their direction more", "could sooner be played backwards"),
    "rhythm_reversal": ("have rhythms bound to their direction more", "have rhythms that could sooner go backwards"),
    "pitch_reversal": ("have pitches bound to their direction more", "have pitches that could sooner go backwards"),
    "bar_lines": ("are bound to the bar lines more", "could sooner have their bar lines elsewhere"),
    "rhythm_bar_lines": ("have rhythms bound to the bar lines more", "have rhythms that could sooner begin in mid-bar"),
    "beat_lines": ("are bound to the beat more", "could sooner begin a beat later"),
    "rotation": ("have pitches bound to their rhythm more", "have pitches that fit their rhythm less"),
    "leaps_on_beats": ("leap more to strong beats", "leap more to weak beats"),
    "motif_rhythm": ("bring motifs back in the same rhythm more", "bring motifs back in another rhythm"),
    "onset_agreement": ("have neighbouring bars of more equal rhythm", "have neighbouring bars of less equal rhythm"),
    "whole_bars": ("fill whole bars more often", "end within a bar more often"),
    "bar_count": ("have unusual numbers of bars more often", "have usual numbers of bars more often"),
    "squareness": ("return after 4 and 8 bars more", "return after 4 and 8 bars less"),
    "rhythm_squareness": ("return in rhythm after 4 and 8 bars more", "return in rhythm after 4 and 8 bars less"),
    "return_after_4": ("return after 4 bars more", "return after 4 bars less"),
    "return_after_8": ("return after 8 bars more", "return after 8 bars less"),
    "rhythm_after_4": ("keep the rhythm of 4 bars before more", "keep the rhythm of 4 bars before less"),
    "rhythm_after_8": ("keep the rhythm of 8 bars before more", "keep the rhythm of 8 bars before less"),
    "bar_5_like_1": ("begin again in bar 5 more often", "begin again in bar 5 less often"),
    "bar_9_like_1": ("begin again in bar 9 more often", "begin again in bar 9 less often"),
    "like_beginnings": ("have phrases that begin alike more", "have phrases that begin alike less"),
    "mean_beginnings": ("have more phrases that begin alike", "have fewer phrases that begin alike"),
    "like_endings": ("have phrases that end alike more", "have phrases that end alike less"),
    "like_parts": ("have parts that end alike more", "have parts that end differently"),
    "phrase_order": ("are bound to the order of phrases more", "could sooner have their phrases in another order"),
    "bar_order": ("are bound to the order of bars more", "could sooner have their bars in another order"),
    "rhythm_bar_order": (
        "have rhythms bound to the order of bars more",
        "have rhythms that could sooner go in another order",
    ),
    "bar_numbers": ("know the number of the bar more", "could sooner begin with bar 3"),
    "rhythm_bar_numbers": (
        "have rhythms that know the number of the bar",
        "have rhythms that could sooner begin with bar 3",
    ),
    "phrase_numbers": ("know the number of the phrase more", "could sooner begin with bar 5"),
    "rhythm_phrase_numbers": ("have rhythms that know the phrase", "have rhythms that could sooner begin with bar 5"),
    "interval_recurrence": ("bring more motifs back", "bring fewer motifs back"),
    "longest_repeat": ("repeat longer passages", "repeat shorter passages"),
    "bar_repetition": ("repeat more bars", "repeat fewer bars"),
    "phrase_agreement": ("follow an earlier phrase more", "follow an earlier phrase less"),
    "compressed_size": ("are less regular", "are more regular"),
    "ends_on_tonic": ("end on the tonic more often", "end on the tonic less often"),
    "last_note_bits": ("have an odd last interval more often", "have a usual last interval more often"),
    "final_note": ("have an odd last note more often", "have a usual last note more often"),
    "final_degree": ("end on an odd degree more often", "end on a usual degree more often"),
    "final_height": ("end at an odd height more often", "end at a usual height more often"),
    "opening": ("open in an odd way more often", "open in a usual way more often"),
    "half_close": ("close oddly in bars 4, 12, ... more often", "close as usual in bars 4, 12, ... more often"),
    "full_close": ("close oddly in bars 8, 16, ... more often", "close as usual in bars 8, 16, ... more often"),
    "phrase_end_notes": ("come to rest at phrase ends less", "come to rest at phrase ends more"),
    "part_end_notes": ("come to rest at part ends less", "come to rest at part ends more"),
    "last_bar_notes": ("come to rest in the last bar less", "come to rest in the last bar more"),
    "climax_position": ("have their highest note later", "have their highest note earlier"),
    "highest_above_last": ("rise higher above the last note", "rise less above the last note"),
    "lowest_above_last": ("go less below the last note", "go farther below the last note"),
    "phrase_arch": ("have phrases with more of an arch", "have phrases with less of an arch"),
    "tune_arch": ("have more of an arch", "have less of an arch"),
    "tune_slope": ("rise more from begin to end", "fall more from begin to end"),
    "half_rise": ("have a higher second half", "have a lower second half"),
    "half_high_rise": ("have a second half with higher top notes", "have a second half with lower top notes"),
    "half_low_rise": ("have a second half with higher bottom notes", "have a second half with lower bottom notes"),
    "half_density": ("have more notes in the second half", "have fewer notes in the second half"),
    "half_durations": ("have halves with different rhythms", "have halves with more equal rhythms"),
    "half_motifs": ("have halves with more motifs in common", "have halves with fewer motifs in common"),
    "bars_long": ("are longer", "are shorter"),
    "eight_bar_parts": ("have a multiple of eight bars more often", "have a multiple of eight bars less often"),
    "rests_on_tonic": (
        "rest on the tonic in bars 8, 16, ... more often",
        "rest on the tonic in bars 8, 16, ... less often",
    ),
    "notes_per_bar": ("have more notes in a bar", "have fewer notes in a bar"),
    "rest_share": ("have more rests", "have fewer rests"),
    "different_durations": ("have more kinds of durations", "have fewer kinds of durations"),
    "shortest_note": ("have longer shortest notes", "have shorter shortest notes"),
    "longest_note": ("have longer longest notes", "have shorter longest notes"),
    "offbeat_long_notes": ("have more long notes off the beat", "have fewer long notes off the beat"),
    "repeated_notes": ("repeat more notes", "repeat fewer notes"),
    "highest_note": ("go higher", "go less high"),
    "lowest_note": ("go less low", "go lower"),
}


@dataclass(frozen=True)
class Reason:
    """A feature by which made melodies are told from real tunes.

    Attributes:
        feature: Name of the feature.
        words: What melodies do or are, such as "are longer".
        share: Its part of the difference in log-odds.
        made: Mean value over the melodies, NaN if none has one.
        real: Mean value over the real tunes.
    """

    feature: str
    words: str
    share: float
    made: float
    real: float

    def sentence(self) -> str:
        """Return the reason with its values.

        Example:
            >>> Reason("bars_long", "are longer", 0.2, 36.1, 20.6).sentence()
            'are longer (length: 36.1 bars, real tunes 20.6)'
            >>> Reason("ends_on_tonic", "end on the tonic less often", 0.1, 0.62, 0.85).sentence()
            'end on the tonic less often (ends on the tonic: 62 %, real tunes 85 %)'
        """
        feature = TOLD_BY.get(self.feature)
        if feature is None or np.isnan(self.made) or np.isnan(self.real):
            return self.words
        if feature.unit:
            return f"{self.words} ({feature.label}: {self.made:.3g} {feature.unit}, real tunes {self.real:.3g})"
        return f"{self.words} ({feature.label}: {self.made:.0%}, real tunes {self.real:.0%})".replace("%", " %")


def reasons(
    names: Sequence[str], gaps: FloatArray, made: FloatArray, real: FloatArray, scores: tuple[FloatArray, FloatArray]
) -> tuple[Reason, ...]:
    """Return the features that do most to tell melodies from real tunes, the strongest first.

    Args:
        names: Names of F features.
        gaps: The difference that each makes in the log-odds, shape (F,).
        made: Values of M melodies, shape (M, F).
        real: Values of R real tunes, shape (R, F).
        scores: Normal scores of both, in this order.
    """
    total = gaps.sum()
    if total <= 0:
        return ()
    strongest = [int(index) for index in np.argsort(-gaps)[:MAX_REASONS] if gaps[index] >= _LEAST_SHARE * total]
    return tuple(
        Reason(
            names[index],
            _words(names[index], made[:, index], real[:, index], scores[0][:, index], scores[1][:, index]),
            float(gaps[index] / total),
            _mean(made[:, index]),
            _mean(real[:, index]),
        )
        for index in strongest
    )


def _words(name: str, made: FloatArray, real: FloatArray, z_made: FloatArray, z_real: FloatArray) -> str:
    """Return the words for more or less of a feature, or for more or less difference between melodies."""
    label, is_made, is_real = TOLD_BY[name].label, ~np.isnan(made), ~np.isnan(real)
    if not is_made.any() or not is_real.any() or abs(is_made.mean() - is_real.mean()) > 0.5:
        return f'have "{label}" less often' if is_made.mean() < is_real.mean() else f'have "{label}" more often'
    z_made, z_real = z_made[is_made], z_real[is_real]
    shift, middle = z_made.mean() - z_real.mean(), np.median(z_real)
    spread = np.abs(z_made - middle).mean() - np.abs(z_real - middle).mean()
    if 2 * abs(shift) >= abs(spread):
        return PHRASES[name][0 if shift > 0 else 1]
    return f'differ {"more" if spread > 0 else "less"} among each other in "{label}"'


def _mean(values: FloatArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
