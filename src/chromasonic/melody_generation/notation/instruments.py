"""Instruments that play a melody: in sound files and on pages by their harmonics, in MIDI files by their program."""

from __future__ import annotations

from dataclasses import dataclass

from chromasonic.melody_generation.errors import InputError, did_you_mean

_HELD = 1e6  # seconds: a wind or bowed instrument holds its notes


@dataclass(frozen=True)
class Instrument:
    """A sound of harmonics that decay, as on a string, or are held.

    Attributes:
        program: Number of the sound in General MIDI, counted from 0.
        harmonics: Initial amplitudes of the harmonics.
        decay: Seconds in which the first harmonic of middle C decays to 1/e.
        attack: Seconds from silence to the full sound.
        release: Seconds from the end of a note to silence.
    """

    program: int
    harmonics: tuple[float, ...]
    decay: float
    attack: float
    release: float


INSTRUMENTS = {
    "plucked": Instrument(25, (1.0, 0.55, 0.32, 0.16, 0.1, 0.06), 2.4, 0.006, 0.04),
    "piano": Instrument(0, (1.0, 0.4, 0.25, 0.12, 0.06, 0.03), 1.6, 0.004, 0.05),
    "fiddle": Instrument(110, (1.0, 0.7, 0.55, 0.4, 0.3, 0.2, 0.14, 0.1), _HELD, 0.03, 0.04),
    "flute": Instrument(73, (1.0, 0.3, 0.1, 0.04), _HELD, 0.04, 0.04),
    "accordion": Instrument(21, (1.0, 0.6, 0.5, 0.45, 0.3, 0.25, 0.18, 0.12), _HELD, 0.02, 0.03),
}
DEFAULT_INSTRUMENT = "plucked"


def instrument_called(name: str) -> Instrument:
    """Return an instrument by its name.

    Raises:
        InputError: Naming the nearest instrument and all instruments.

    Example:
        >>> instrument_called("piano").program
        0
    """
    if name not in INSTRUMENTS:
        raise InputError(
            f"no instrument is called {name!r}{did_you_mean(name, INSTRUMENTS)}; there are {', '.join(INSTRUMENTS)}"
        )
    return INSTRUMENTS[name]
