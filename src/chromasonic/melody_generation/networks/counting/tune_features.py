"""Features of a tune at every token, from which a context mixture builds its contexts (Conklin & Witten 1995).

All features follow from the tokens so far. They are integers of shape (B, T), by name:

=============================  =========================================================================================
``p1`` ... ``p8``              pitch class of the last token, of the one before, ...; control tokens have numbers above
``d1`` ... ``d8``              duration classes in the same way
``i1`` ... ``i5``              intervals between successive sounding pitches
``c1`` ... ``c3``              direction of the intervals: down, level or up
``sounding``                   the last pitch class that is no rest
``position``, ``metre``        ticks since the bar began, and the last metre token
``bar_ticks``, ``mode``        length of a bar, and the last mode token
``bar2``, ``bar4``, ``bar8``   number of the bar, modulo 2, 4 and 8
``bars``                       number of the bar, at most 40
``bar_pitch``, ``beat_pitch``  pitch at the beginning of the bar, and of the beat
``beat_position``              ticks since the beat began
``P1`` ... ``P32``             pitch class that sounded 1, 2, 3, ... bars ago (see ``BAR_LAGS``)
``D1`` ... ``D32``             duration class of the note that began then; -2 if none began
``X1`` ... ``X32``             1 if a note began then
``A1`` ... ``A32``             length, in classes, of the run of last tokens that are equal to those 1, 2, ... bars ago
``J1`` ... ``J32``             last sounding pitch moved by the interval that was played then
=============================  =========================================================================================
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import BarPositionTracker
from chromasonic.melody_generation.networks.counting.counts import lagged
from chromasonic.melody_generation.vocabulary import METRES, NoteVocabulary

BAR_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
# Shortest run of agreeing tokens of each class.
AGREEMENTS = (0, 1, 2, 3, 5, 8, 13)
N_PITCH_LAGS, N_INTERVAL_LAGS, N_CONTOUR_LAGS = 8, 5, 3
MAX_BARS = 40
_QUARTER, _DOTTED_QUARTER = 24, 36  # ticks of a beat of simple and of compound metres

Features = dict[str, Tensor]


class TuneFeatures(nn.Module):
    """Computes the features of token sequences. Has no parameters; its buffers follow from the vocabulary."""

    pitch_of: Tensor
    kind_of: Tensor
    ticks: Tensor
    is_mode: Tensor
    is_metre: Tensor
    beat_ticks: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        self._rest = vocabulary.rest_class
        self.n_pitches, self.n_durations = vocabulary.rest_class + 1, len(vocabulary.duration_classes)
        ids = np.arange(len(vocabulary))
        pitch, duration = vocabulary.token_pitch, vocabulary.token_duration
        # Control tokens have numbers above the classes of notes, so that contexts distinguish them.
        pitch_of = np.where(pitch < 0, self.n_pitches + ids, pitch)
        kind_of = np.where(duration < 0, self.n_durations + ids, duration)
        beat_ticks = np.full(len(vocabulary), _QUARTER)
        for metre in METRES:
            if metre.unit >= 8 and metre.beats and metre.beats % 3 == 0:
                beat_ticks[vocabulary.metre_token(metre)] = _DOTTED_QUARTER * 8 // metre.unit
        is_mode = np.array([vocabulary.name(token).startswith("<mode:") for token in range(len(vocabulary))])
        for name, values in (
            ("pitch_of", pitch_of),
            ("kind_of", kind_of),
            ("ticks", vocabulary.token_ticks),
            ("is_mode", is_mode),
            ("is_metre", vocabulary.token_bar_ticks > 0),
            ("beat_ticks", beat_ticks),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.bar_tracker = BarPositionTracker(vocabulary)

    def forward(self, tokens: Tensor) -> Features:
        """Return the features after each of whole sequences of token ids (B, T)."""
        times, _ = self.bar_tracker(tokens)
        pitches, kinds, ticks = self.pitch_of[tokens], self.kind_of[tokens], self.ticks[tokens]  # (B, T) each
        is_sounding = pitches < self._rest
        sounding = _last(pitches, is_sounding)
        metre = _last(tokens, self.is_metre[tokens])
        beat_position = times.position % self.beat_ticks[metre.clamp(min=0)]
        end = ticks.cumsum(1)  # (B, T), the onset of the next token
        features = {
            "sounding": sounding,
            "position": times.position,
            "bar_ticks": times.position + times.remaining,
            "metre": metre,
            "mode": _last(tokens, self.is_mode[tokens]),
            "bars": times.bar.clamp(max=MAX_BARS),
            "bar_pitch": _pitch_at(pitches, end, end - times.position),
            "beat_pitch": _pitch_at(pitches, end, end - beat_position),
            "beat_position": beat_position,
            **{f"bar{n}": times.bar % n for n in (2, 4, 8)},
        }
        before = lagged(sounding, 2)[1]
        interval = torch.where(is_sounding & (before >= 0), sounding - before, self._rest + pitches)
        contour = torch.where(is_sounding, torch.sign(sounding - before), 2)
        for prefix, values, n_lags in (
            ("p", pitches, N_PITCH_LAGS),
            ("d", kinds, N_PITCH_LAGS),
            ("i", interval, N_INTERVAL_LAGS),
            ("c", contour, N_CONTOUR_LAGS),
        ):
            features |= {f"{prefix}{lag}": lag_values for lag, lag_values in enumerate(lagged(values, n_lags), start=1)}
        for lag in BAR_LAGS:
            features |= self._bars_ago(lag, tokens, end, features)
        return features

    def _bars_ago(self, lag: int, tokens: Tensor, end: Tensor, features: Features) -> Features:
        """Return what was played ``lag`` bars before the next token."""
        pitches, kinds, sounding = features["p1"], features["d1"], features["sounding"]
        onset = (end - self.ticks[tokens]).contiguous()  # (B, T)
        wanted = end - lag * features["bar_ticks"]
        index = torch.searchsorted(onset, wanted.contiguous(), right=True) - 1  # (B, T)
        is_within = (wanted >= 0) & (index >= 0)
        index = index.clamp(min=0)
        is_onset = is_within & (onset.gather(1, index) == wanted)
        then = torch.where(is_onset, tokens.gather(1, index), -1)
        pitch = pitches.gather(1, index)
        moved = pitch - sounding.gather(1, (index - 1).clamp(min=0)) + sounding
        can_move = is_within & (pitch < self._rest) & (sounding.gather(1, (index - 1).clamp(min=0)) >= 0)
        can_move &= (moved >= 0) & (moved < self._rest)
        edges = torch.tensor(AGREEMENTS[1:], device=tokens.device)
        return {
            f"P{lag}": torch.where(is_within, pitch, -1),
            f"D{lag}": torch.where(is_onset, kinds.gather(1, index), torch.where(is_within, -2, -1)),
            f"X{lag}": is_onset.long(),
            f"A{lag}": torch.bucketize(_run_lengths(tokens == lagged(then, 2)[1]), edges, right=True),
            f"J{lag}": torch.where(can_move, moved, -1),
        }


def _last(values: Tensor, is_given: Tensor) -> Tensor:
    """Return at each position the last value that is given, -1 before the first; all of shape (B, T)."""
    steps = torch.arange(values.shape[1], device=values.device).expand_as(values)
    index = torch.where(is_given, steps, -1).cummax(1).values  # (B, T)
    return torch.where(index >= 0, values.gather(1, index.clamp(min=0)), -1)


def _run_lengths(is_equal: Tensor) -> Tensor:
    """Return how many positions in a row are equal, up to and with each one, shape (B, T)."""
    steps = torch.arange(is_equal.shape[1], device=is_equal.device).expand_as(is_equal)
    return steps - torch.where(is_equal, -1, steps).cummax(1).values


def _pitch_at(pitches: Tensor, end: Tensor, wanted: Tensor) -> Tensor:
    """Return the pitch that sounds at a tick; -2 if it is the next token's own onset; all of shape (B, T)."""
    onset = nn.functional.pad(end, (1, 0))[:, :-1].contiguous()  # (B, T)
    index = (torch.searchsorted(onset, wanted.contiguous(), right=True) - 1).clamp(min=0)
    return torch.where(wanted >= end, -2, pitches.gather(1, index))
