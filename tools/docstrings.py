"""An extension of griffe that adapts docstrings to the documentation site.

Roles become links: :func:`~package.module.name` has the text ``name``, and a bare name is looked up in the module. The
section ``Example:`` becomes ``Examples:``, which griffe shows as code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|mod|meth|attr|data|exc):`(~?)([\w.]+)`")
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            text = _EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, role[1], role[2]), text)


def _link(obj: griffe.Object, tilde: str, name: str) -> str:
    label = name.rpartition(".")[2] if tilde else name
    target = name
    if not name.startswith("chromasonic."):
        try:
            target = obj.resolve(name)
        except griffe.NameResolutionError:
            return f"`{label}`"
    return f"[`{label}`][{target}]"
