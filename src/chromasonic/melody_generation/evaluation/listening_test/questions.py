"""The questions of a listening test.

The judges of the AI Music Generation Challenge looked at rhythm, mode, structure and melody in 2022
(https://aimc2023.pubpub.org/pub/ynxz9uu7), and at playability in 2021 (https://zenodo.org/record/7088406). Here these
five are rated from 1 to 5, and one question is added: is the tune real or made?
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
