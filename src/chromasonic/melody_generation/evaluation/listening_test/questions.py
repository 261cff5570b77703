"""The questions of a listening test.

Judges of the AI Music Generation Challenge (Sturm and Maruri-Aguilar 2021, https://doi.org/10.3389/frai.2021) looked at
rhythm, mode, structure, melody and playability of tunes, without knowing where these came from. The same five things
are rated here, from 1 to 5, and one question is added: is the tune real or made?
"""

from __future__ import annotations

from dataclasses import dataclass

LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True)
class Question:
    """A question that is answered from ``LOWEST`` to ``HIGHEST``.

    Attributes:
        name: Its name in files of answers.
        text: The question.
    """

    name: str
    text: str


QUESTIONS = (
    Question("rhythm", "Does the rhythm flow, and fit the metre?"),
    Question("mode", "Do the notes fit the key and the mode?"),
    Question("structure", "Is the tune well made: parts, phrases, returns, ending?"),
    Question("melody", "Is the melody good: would you like to hear it again?"),
    Question("playability", "Would it be a pleasure to play or to sing?"),
)
NAMES = tuple(question.name for question in QUESTIONS)
