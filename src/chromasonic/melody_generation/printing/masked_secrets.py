"""Passwords and keys that were typed as values, masked wherever a command or a configuration is shown or recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MASK = "***"
_SECRET_WORDS = {
    *("password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "credential", "credentials"),
    *("key", "apikey", "apitoken", "accesskey", "authorization"),
}
_MUSICAL_KEY = "key"  # an option of ``generate``
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NO_SECRETS = {"", "null", "None", "true", "false", "???", "..."}
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
# name=value within a text, with a value in quotes or up to the next blank; name: value, as in YAML and JSON.
_OPTION = re.compile(rf"""(?<![\w.@/+~-])(?P<name>[\w.@/+~-]++)(?P<sign>=)(?P<value>{_QUOTED}|[^\s'"]\S*)""")
_ENTRY = re.compile(
    rf"""(?<![\w.-])(?P<name>[\w.-]++)(?P<sign>["']?[ ]*+:[ ]*+)(?P<value>{_QUOTED}|[^\s'"{{}}\[\],][^\n{{}}\[\],]*)"""
)
_LOGIN = re.compile(r"(?<=://)[^\s/@:'\"]*:[^\s/@'\"]+(?=@)")


def is_secret(name: str) -> bool:
    """Return whether the name of a value says that nobody else should see it.

    Example:
        >>> is_secret("logger.wandb.api_key"), is_secret("accessToken"), is_secret("key"), is_secret("n_tokens")
        (True, True, False, False)
    """
    name = name.lstrip("+~")
    return name != _MUSICAL_KEY and not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def masked_option(typed: str) -> str:
    """Return an option as it was typed, with stars for a secret value.

    Example:
        >>> masked_option("+logger.x.api_key=a b"), masked_option("url=https://me:word@host/"), masked_option("key=G")
        ('+logger.x.api_key=***', 'url=https://***@host/', 'key=G')
    """
    name, equals, value = typed.partition("=")
    return f"{name}={_MASK}" if equals and is_secret(name) and value not in _NO_SECRETS else masked_yaml(typed)


def masked_text(text: str) -> str:
    """Return a text with stars for the secret values of options in it.

    Example:
        >>> masked_text("train +logger.x.api_key='a b' seed=1")
        'train +logger.x.api_key=*** seed=1'
    """
    return _LOGIN.sub(_MASK, _OPTION.sub(_masked, text))


def masked_yaml(text: str) -> str:
    r"""Return YAML or JSON with stars for its secret values.

    Example:
        >>> print(masked_yaml("seed: 1\nlogin: {password: word}"))
        seed: 1
        login: {password: '***'}
    """
    return _ENTRY.sub(_masked_entry, masked_text(text))


def masked_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return plain values by name, nested, with stars for the secret ones.

    Example:
        >>> masked_values({"seed": 1, "logger": {"x": {"api_key": "abc", "password": None}}})
        {'seed': 1, 'logger': {'x': {'api_key': '***', 'password': None}}}
    """
    return {name: _masked_value(name, value) for name, value in values.items()}


def _masked_value(name: str, value: object) -> object:
    if is_secret(name) and value is not None and not isinstance(value, bool):
        return _MASK
    if isinstance(value, Mapping):
        return masked_values(value)
    if isinstance(value, list | tuple):
        return [_masked_value(name, item) for item in value]
    return _LOGIN.sub(_MASK, value) if isinstance(value, str) else value


def _masked_entry(found: re.Match[str]) -> str:
    """Return an entry with a value that still is a text of YAML."""
    masked = _masked(found)
    quote = '"' if found["value"].startswith('"') else "'"
    return f"{found['name']}{found['sign']}{quote}{_MASK}{quote}" if masked.endswith(_MASK) else masked


def _masked(found: re.Match[str]) -> str:
    shown = _MASK if is_secret(found["name"]) and found["value"].strip() not in _NO_SECRETS else found["value"]
    return f"{found['name']}{found['sign']}{shown}"
