"""Check the words of a command line before anything reads their values: each must be ``name=value``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chromasonic.config.guidance.usual_names import meant_name, usual_name
from chromasonic.config.typed_paths import is_path_option

# A number with a decimal comma, and a share in percent.
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d+)")
_PERCENT = re.compile(r"(-?\d+(?:[.,]\d+)?)\s*%")


@dataclass(frozen=True)
class Words:
    """The words that a command understands.

    Attributes:
        command: Its name, such as ``train``.
        names: Its options.
        first: The option that a word alone is meant for, if it names a file or a folder.
        takes_list: Whether that option takes several.
        choices: For a word alone, the option that has it as a value.
        may_be_empty: Options whose value may be empty.
    """

    command: str
    names: Collection[str]
    first: str
    takes_list: bool = False
    choices: dict[str, str] = field(default_factory=dict)
    may_be_empty: Collection[str] = ()

    def faults(self, arguments: Sequence[str]) -> list[str]:
        """Return a sentence for each word that is not ``name=value``, with what to type instead.

        Example:
            >>> Words("generate", ["run", "key"], "run").faults(["outputs/a", "--key", "G", "run="])
            ['outputs/a: write run=outputs/a', '--key G: options have no dashes, write key=G', \
'run= has no value: write run=..., or leave it out']
        """
        return [*self._faults(list(arguments))]

    def _faults(self, rest: list[str]) -> Iterator[str]:
        paths = [word for word in rest if self._is_path(word)]
        if self.takes_list and len(paths) > 1:
            yield f"{' '.join(paths)}: write {self.first}=[{','.join(paths)}]"
            rest = [word for word in rest if word not in paths]
        while rest:
            word = rest.pop(0)
            name, equals, value = word.partition("=")
            follows = _value_after(rest)
            if word.startswith("-"):
                typed = f"{word} {rest.pop(0)}" if follows and not equals else word
                meant = self._meant(name.lstrip("-").replace("-", "_"), value or follows)
                yield f"{typed}: options have no dashes, write {meant}"
            elif rest and rest[0].startswith("=") and not equals:  # epochs = 5, or epochs =5
                value = rest.pop(0).removeprefix("=") or (rest.pop(0) if rest else "...")
                yield f"{name} = {value}: write {self._meant(name, value)}, without spaces"
            elif equals and not value and follows and not self._is_path(follows):
                yield f"{word} {rest.pop(0)}: write {self._meant(name, follows)}, without a space"
            elif equals and not value and name not in self.may_be_empty:
                yield f"{word} has no value: write {word}..., or leave it out"
            elif not equals and not word.startswith("~"):
                yield self._of_word_alone(word, follows, rest)

    def _of_word_alone(self, word: str, follows: str, rest: list[str]) -> str:
        name, colon, value = word.partition(":")
        if colon and value and usual_name(name, self.names):
            return f"{word}: write {self._meant(name, value)}"
        if usual_name(word, self.names) and follows:
            rest.pop(0)
            return f"{word} {follows}: write {self._meant(word, follows)}"
        if word.lower() in self.choices:
            return f"{word}: write {self.choices[word.lower()]}={word.lower()}"
        if self._is_path(word):
            return f"{word}: write {self.first}={word}"
        if word in self.names:
            return f"{word}: write name=value, as in {word}=..."
        return f"{word}: write name=value; chromasonic {self.command} --help lists all options"

    def _meant(self, name: str, value: str) -> str:
        return f"{usual_name(name, self.names) or name}={value or '...'}"

    @staticmethod
    def _is_path(word: str) -> bool:
        return "=" not in word and not word.startswith("-") and ("/" in word or Path(word).exists())


def several_values(override: str) -> str:
    """Return the sentence for an override of ``train`` with several values, which only a sweep has; else an empty text.

    Example:
        >>> several_values("dropout=0,1"), several_values("model.runs=[a,b]")
        ('dropout=0,1: a decimal number has a point, write dropout=0.1', '')
        >>> several_values("model=lstm,ppm")
        'model=lstm,ppm: to train with each value, add -m, as in chromasonic train -m model=lstm,ppm'
    """
    name, _, value = override.partition("=")
    if "," not in value or is_path_option(name) or re.search(r"[\[({'\"$]", value):
        return ""
    if number := number_advice(name, value):
        whole = "; to train with each of the two, add -m" if not value.startswith("0,") else ""
        return f"{override}: {number}{whole}"
    if name == "model.runs":
        return f"{override}: several are written {name}=[{value}]"
    return f"{override}: to train with each value, add -m, as in chromasonic train -m {override}"


def unknown_name(name: str, names: Collection[str]) -> str:
    """Return the sentence for an option that there is not."""
    return f"there is no {name} to set{meant_name(name, names) or ': --help lists all values'}"


def number_advice(name: str, value: str) -> str:
    """Return how to write a number that was typed with a comma or in percent; empty if it was not.

    Example:
        >>> number_advice("vary", "30%"), number_advice("dropout", "0,1"), number_advice("dropout", "x")
        ('write vary=0.3', 'a decimal number has a point, write dropout=0.1', '')
    """
    if percent := _PERCENT.fullmatch(value):
        return f"write {name}={float(percent[1].replace(',', '.')) / 100:g}"
    if comma := _DECIMAL_COMMA.fullmatch(value):
        return f"a decimal number has a point, write {name}={comma[1]}.{comma[2]}"
    return ""


def _value_after(rest: Sequence[str]) -> str:
    """Return the next word if it can be a value; else an empty text."""
    return rest[0] if rest and "=" not in rest[0] and not re.match(r"-\D", rest[0]) else ""
