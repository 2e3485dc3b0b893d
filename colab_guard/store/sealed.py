"""Sealed JSON: an object in canonical form with its format and its own digest, so that any changed byte is found;
signed, where there is a key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from colab_guard.core.errors import CorruptSnapshot, UnknownFormat
from colab_guard.core.keys import Key

FORMAT = 1  # the newest that this version reads, and the one it writes
ID = re.compile(r"[0-9a-f]{12}")
DIGEST = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


def seal(fields: Mapping[str, Any], key: Key | None = None) -> bytes:
    """The file that holds ``fields``, signed with ``key``.

    Raises TypeError, ValueError or RecursionError for what JSON can't hold.
    """
    # There and back first: keys that are numbers become strings, which sort in another order.
    content = json.loads(json.dumps({**fields, "format": FORMAT}, allow_nan=False))
    if key is not None:
        content["key"] = key.id
        content["signature"] = key.sign(canonical(content))
    return canonical({**content, "digest": _digest(content)})


def unseal(data: bytes, where: str, build: Callable[[dict[str, Any]], T]) -> T:
    """What ``build`` makes of the fields in ``data``; ``where`` is the file's path, for messages.

    ``build`` may raise KeyError, TypeError or ValueError for fields that make no sense. Raises UnknownFormat for a
    format newer than this version's, CorruptSnapshot for anything that ``seal`` would not have written.
    """
    try:
        content = json.loads(data)
        if not isinstance(content, dict):
            raise ValueError("it is not an object")
        found = content.get("format")
        if type(found) is int and found > FORMAT:
            raise UnknownFormat(
                f"{where} has format {found}, and this version of colab_guard reads formats up to {FORMAT}. "
                f"Upgrade colab_guard to use it: %pip install -U colab-guard"
            )
        if canonical(content) != data or content.pop("digest") != _digest(content):
            raise ValueError("its digest is not that of its content")
        return build(content)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CorruptSnapshot(f"{where} is damaged: {reason}.") from error


def typed(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """A field, which must be of exactly this type: to ``isinstance``, True would be a number."""
    value = fields[name]
    if type(value) is not kind:
        raise ValueError(f"{name} is {value!r:.80}")
    return value


def matching(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """A field, which must be a text that matches."""
    value = typed(fields, name, str)
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} is {value!r:.80}")
    return value


def canonical(content: Mapping[str, Any]) -> bytes:
    """An object's one form as bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
