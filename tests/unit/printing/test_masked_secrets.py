"""Secret values are masked wherever they stand; nothing else is changed."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.printing.masked_secrets import (
    is_secret,
    masked_option,
    masked_text,
    masked_values,
    masked_yaml,
)

SECRET_NAMES = ["password", "logger.x.api_key", "+logger.wandb.apiKey", "HF_TOKEN", "x.secret", "aws-secret-access-key"]
OTHER_NAMES = ["key", "model", "n_tokens", "keys", "seed", "hidden_size", "dataset.corpus.folder", "monkey", "tokens"]
SECRET = "hunter2-\u00e9\u4e2d"


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", [SECRET, f"'{SECRET} {SECRET}'", f'"{SECRET}, {SECRET}"', f"{SECRET}#=%'"])
def test_the_value_of_a_secret_is_masked(name: str, value: str) -> None:
    assert is_secret(name)
    for text in (
        masked_option(f"{name}={value}"),
        masked_text(f"chromasonic train seed=1 {name}={value} epochs=3: refused"),
        masked_yaml(f"- seed=1\n- {name}={value}\n"),
    ):
        assert "hunter2" not in text
        assert "***" in text
    assert masked_text(f"seed=1 {name}={value} epochs=3").endswith(" epochs=3")


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_entries_of_yaml_stay_yaml(name: str) -> None:
    values = {"seed": 1, "logger": {name: SECRET, "folder": "a: b"}, "overrides": [f"+{name.lstrip('+')}={SECRET}"]}
    masked = masked_yaml(yaml.safe_dump(values, allow_unicode=True))
    assert "hunter2" not in masked
    overrides = [f"+{name.lstrip('+')}=***"]
    assert yaml.safe_load(masked) == {"seed": 1, "logger": {name: "***", "folder": "a: b"}, "overrides": overrides}
    assert masked_values(values) == values | {
        "logger": {name: "***", "folder": "a: b"},
        "overrides": values["overrides"],
    }


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_values_stay(name: str) -> None:
    assert not is_secret(name)
    assert masked_option(f"{name}=G") == masked_text(f"{name}=G") == f"{name}=G"
    assert masked_yaml(f"{name}: G") == f"{name}: G"
    assert masked_values({name: "G"}) == {name: "G"}


def test_logins_of_addresses_are_masked() -> None:
    assert masked_text("https://me:hunter2@host/a is gone") == "https://***@host/a is gone"
    assert masked_values({"url": ["https://me:hunter2@host/a"]}) == {"url": ["https://***@host/a"]}
    assert masked_text("https://host:80/a@b") == "https://host:80/a@b"


@given(
    st.dictionaries(st.sampled_from(OTHER_NAMES), st.one_of(st.none(), st.integers(), st.text("ab :/'-,", max_size=9)))
)
def test_yaml_without_secrets_stays_as_it_is(values: dict[str, object]) -> None:
    text = yaml.safe_dump(values)
    assert masked_yaml(text) == text
    assert masked_values(values) == values


@pytest.mark.parametrize("part", ["a/", "a.", "a ", "://a:", "'", "a=", "a: ", "'a=", "\\'", "://", "@a"])
def test_long_texts_take_little_time(part: str) -> None:
    before = time.process_time()
    masked_yaml(part * 20_000)
    assert time.process_time() - before < 5
