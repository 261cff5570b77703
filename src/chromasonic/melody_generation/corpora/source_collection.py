"""Collections that tunes are from, with their licences, which runs and checkpoints record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chromasonic.melody_generation.atomic_files import JsonObject


@dataclass(frozen=True)
class SourceCollection:
    """A collection of tunes.

    Attributes:
        title: Its name.
        licence: Its licence, as the source states it.
        address: Where it is published; empty if it is not.
    """

    title: str
    licence: str
    address: str = ""

    @classmethod
    def from_values(cls, values: JsonObject) -> SourceCollection:
        """Read the values that ``to_values`` wrote."""
        return cls(*(str(values.get(name, "")) for name in ("title", "licence", "address")))

    def to_values(self) -> JsonObject:
        """Return plain values by the names of the attributes."""
        return asdict(self)


def distinct_sources(sources: Iterable[SourceCollection]) -> tuple[SourceCollection, ...]:
    """Return the sources in order, each once."""
    return tuple(dict.fromkeys(sources))
