from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from chromasonic.config.references import refers_only_to_values, refuse_references, resolve_references


def test_values_of_every_kind_are_put_in_place() -> None:
    values = {
        "rate": 0.1,
        "sizes": {"width": 8, "layers": [1, 2]},
        "lr": "${rate}",
        "copy": "${sizes}",
        "second": "${copy.layers.1}",
        "name": "w${sizes.width}_${lr}",
        "folder": "${hydra:runtime.output_dir}/x",
    }
    resolved = resolve_references(values, "run")
    assert resolved == {
        "rate": 0.1,
        "sizes": {"width": 8, "layers": [1, 2]},
        "lr": 0.1,
        "copy": {"width": 8, "layers": [1, 2]},
        "second": 2,
        "name": "w8_0.1",
        "folder": "run/x",
    }


NAMES = ("a", "b", "c")
TEXTS = st.lists(st.sampled_from(["x", "1", "-", *(f"${{{name}}}" for name in NAMES)]), max_size=4).map("".join)


@given(st.fixed_dictionaries({name: st.one_of(st.integers(), TEXTS) for name in NAMES}))
def test_plain_references_resolve_as_omegaconf_resolves_them(values: dict[str, object]) -> None:
    try:
        ours: object = resolve_references(values, "run")
    except ValueError:
        ours = None
    try:
        theirs: object = OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    except (RecursionError, OmegaConfBaseException):
        theirs = None
    assert ours == theirs


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "${${a}:HOME}", "${a", "${}", "${a b}", "\\${a${b}}", "${a.b.}"])
def test_other_references_are_told_apart(text: str) -> None:
    assert not refers_only_to_values(text)
    with pytest.raises(ValueError, match="refers to something else"):
        resolve_references({"a": "x", "b": "y", "c": {"d": [text]}}, "run")
    with pytest.raises(ValueError, match=r"c\.d\.0 refers to something else"):
        refuse_references({"d": [text]}, "c")


def test_a_reference_that_is_joined_from_two_is_refused_and_not_resolved() -> None:
    for second in ("{oc.env:HOME}", "{a}", "{"):
        with pytest.raises(ValueError, match="joined refers to something else"):
            resolve_references({"a": "$", "b": second, "joined": "${a}${b}"}, "run")


def test_a_name_with_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="refers to something else"):
        resolve_references({"a": {"${oc.env:HOME}": 1}}, "run")


def test_circles_and_growth_are_refused() -> None:
    with pytest.raises(ValueError, match="in a circle"):
        resolve_references({"a": "${b.c}", "b": {"c": "${a}"}}, "run")
    with pytest.raises(ValueError, match="far more"):
        resolve_references({"a0": "x" * 9} | {f"a{n}": f"${{a{n - 1}}}" * 2 for n in range(1, 29)}, "run")
    with pytest.raises(ValueError, match="far more"):
        resolve_references({"a0": [1] * 9} | {f"a{n}": [f"${{a{n - 1}}}"] * 9 for n in range(1, 9)}, "run")
