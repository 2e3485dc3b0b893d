"""What a secret looks like: a token of a known shape, or a random text under a telling name.

Shapes are those that their makers document, or that scanners of repositories have found to hold. A shape is only
taken for a token where it varies: ``hf_xxxx…`` in an example is none. Everything here is a function of its arguments.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

MIN_CHARS = 20  # of a secret that only its name tells
MIN_RUN = 20  # letters, digits, - and _ in a row: each shape has as many
SHAPE_BITS = 2.5  # a character, by its frequency in the token
NAME_BITS = 3.0
NAMED = "by its name"
MASK = "[secret]"  # where a secret stood; then asterisks up to its length

# What it is; what it begins with; what follows. Each beginning begins with a letter: only so it is searched for fast.
SHAPES = (
    ("a Hugging Face token", r"hf_|api_org_", r"[A-Za-z0-9]{34,}"),
    ("an API key", r"sk-", r"(?:[A-Za-z0-9]+[-_]+)*[A-Za-z0-9]{20,}[A-Za-z0-9_-]*"),  # OpenAI, Anthropic, DeepSeek …
    ("a Stripe key", r"sk_(?:live|test|prod)_|rk_(?:live|test|prod)_", r"[A-Za-z0-9]{16,}"),
    ("a GitHub token", r"gh[pousr]_", r"[A-Za-z0-9]{36,}"),
    ("a GitHub token", r"github_pat_", r"[A-Za-z0-9_]{36,}"),
    ("a GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-", r"[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9.]+)?"),
    ("an AWS access key", r"A[KS]IA|ABIA|ACCA", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("a Google API key", r"AIza", r"[A-Za-z0-9_-]{35}"),
    ("a Google client secret", r"GOCSPX-", r"[A-Za-z0-9_-]{28}"),
    ("a Google access token", r"ya29\.", r"[A-Za-z0-9_-]{20,}[A-Za-z0-9_.-]*"),
    ("a Slack token", r"xox[abeoprs](?:\.xox[bp])?-|xapp-", r"[A-Za-z0-9-]{20,}"),
    ("a Weights & Biases key", r"wandb_v\d_", r"[A-Za-z0-9_-]{20,}"),
    ("an npm token", r"npm_", r"[A-Za-z0-9]{36}"),
    ("a PyPI token", r"pypi-AgE", r"[A-Za-z0-9_-]{50,}"),
    ("a Replicate token", r"r8_", r"[A-Za-z0-9]{37,}"),
    ("a Groq key", r"gsk_", r"[A-Za-z0-9]{50,}"),
    ("an xAI key", r"xai-", r"[A-Za-z0-9_-]{70,}"),
    ("an NVIDIA key", r"nvapi-", r"[A-Za-z0-9_-]{60,}"),
    ("a Perplexity key", r"pplx-", r"[A-Za-z0-9]{40,}"),
    ("a LangSmith key", r"lsv2_(?:pt|sk)_", r"[a-f0-9]{32}(?:_[a-f0-9]+)?"),
    ("a Kaggle token", r"KGAT_", r"[A-Za-z0-9]{30,}"),
    ("a DigitalOcean token", r"do[opr]_v1_", r"[a-f0-9]{64}"),
    ("a SendGrid key", r"SG\.", r"[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    ("a JSON web token", r"eyJ", r"[A-Za-z0-9_-]{17,}\.eyJ[A-Za-z0-9_-]{17,}\.[A-Za-z0-9_-]{10,}"),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        r"(?:[!-,.-~\s]|-(?!----END)){20,8000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    ),
)
PRIVATE_KEY = "PRIVATE KEY"

_ANY = "|".join(f"(?P<s{number}>(?:{begin}){rest})" for number, (_, begin, rest) in enumerate(SHAPES))
_TEXT = re.compile(_ANY)
_BEGINNING = re.compile("|".join(begin for _, begin, _ in SHAPES))
BEGINNINGS = re.compile(_BEGINNING.pattern.encode())
BYTES = re.compile(_ANY.encode())


@dataclass(frozen=True)
class Span:
    """The characters from ``start`` up to ``end`` of a text are a secret, and of what ``kind``."""

    start: int
    end: int
    kind: str


def find(text: str) -> Iterator[Span]:
    """The secrets in a text, in order: tokens of a known shape, and what is said to be one (``api_key="…"``)."""
    end = 0
    for span in sorted([*_shaped(text), *_named(text)], key=lambda span: (span.start, -span.end)):
        if span.start >= end:
            end = span.end
            yield span


def _shaped(text: str) -> Iterator[Span]:
    for begin in _BEGINNING.finditer(text):
        start = begin.start()
        match = None if text[start - 1 : start].isalnum() else _TEXT.match(text, start)
        if match is not None:
            kind = SHAPES[int(str(match.lastgroup)[1:])][0]
            if kind == SHAPES[-1][0] or _varies(match[0]):
                yield Span(start, match.end(), kind)


# As code, JSON and printed dicts have it, in quotes; as a shell's variable, without.
_PAIRS = (
    re.compile(r"""(?<![\w-])([A-Za-z_][\w-]{2,60})["']?\]?\s?[:=,]\s?[bru]?["']([!#-&(-~]{20,4096})["']"""),
    re.compile(r"""(?:["']|export |env )([A-Za-z_]\w{2,60})=([A-Za-z0-9+/=-]{20,4096})"""),
)


def _named(text: str) -> Iterator[Span]:
    for pattern in _PAIRS:
        for match in pattern.finditer(text):
            if is_secret(match[1], match[2]):
                yield Span(match.start(2), match.end(2), NAMED)


def _varies(token: str) -> bool:
    return any(part.isdigit() or part.isupper() for part in token[3:]) and entropy_bits(token) >= SHAPE_BITS


def entropy_bits(text: str) -> float:
    """Shannon's, of its characters' frequencies, in bits a character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values()) if text else 0.0


# -- names ------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
STRONG = frozenset({
    "secret", "secrets", "password", "passwords", "passwd", "passphrase", "pwd", "credential", "credentials",
    "apikey", "apitoken", "accesstoken", "authtoken", "secretkey", "privatekey", "accesskey", "authorization",
    "bearer",
})  # fmt: skip
KEYS = frozenset({
    "api", "private", "secret", "access", "auth", "signing", "encryption", "account", "service", "client", "app",
    "master",
})  # fmt: skip
# A model's own: PAD_TOKEN, eos_token, image_token …
VOCABULARY = frozenset({
    "pad", "eos", "bos", "unk", "sep", "cls", "mask", "special", "image", "audio", "video", "start", "end", "stop",
    "begin", "next", "first", "last", "decoder", "forced", "boi", "eoi", "prefix", "suffix", "middle",
})  # fmt: skip


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Whether what is called so is likely to be a secret."""
    words = [word.lower() for word in _WORD.findall(name[:200])]
    if not words:
        return False
    if not STRONG.isdisjoint(words):
        return True
    if "token" in words:
        return VOCABULARY.isdisjoint(words)
    return any(before in KEYS and word == "key" for before, word in itertools.pairwise(words))


def is_secret(name: str, text: str) -> bool:
    """Whether a text of that name is a secret: long enough, in one word, and random."""
    if not is_telling(name) or not MIN_CHARS <= len(text) <= 4096 or not text.isascii() or not text.isprintable():
        return False
    if any(part in text for part in (" ", "://", "<", ">", "|", "{", "[")) or text.startswith(("/", "~", "./", "../")):
        return False
    kinds = (any(c.islower() for c in text), any(c.isupper() for c in text), any(c.isdigit() for c in text))
    strong = not STRONG.isdisjoint(word.lower() for word in _WORD.findall(name))
    return (sum(kinds) > 1 or (strong and not text.replace("_", "").isalpha())) and entropy_bits(text) >= NAME_BITS


# -- masking ----------------------------------------------------------------------------------------------------


def mask(text: str, values: Iterable[str] = ()) -> str:
    """The text with what ``find`` finds, and each of ``values``, made unreadable. As long as it was, in the same lines,
    with quotes and escapes where they were: what was Python stays so. Masked once more, it stays the same.
    """
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _masked(value))
    spans = list(find(text))
    for span in reversed(spans):
        text = text[: span.start] + _masked(text[span.start : span.end]) + text[span.end :]
    return text


@lru_cache(maxsize=256)
def values_in(text: str) -> frozenset[str]:
    """The secrets in a text."""
    return frozenset(text[span.start : span.end] for span in find(text))


_READABLE = re.compile(r"\\.|[^\s'\"\\]+")  # an escape stays whole


def _masked(secret: str) -> str:
    def unreadable(part: re.Match[str]) -> str:
        return part[0] if part[0][0] == "\\" else MASK.ljust(len(part[0]), "*")[: len(part[0])]

    return _READABLE.sub(unreadable, secret)


def is_masked(text: str) -> bool:
    """Whether a secret was masked in it."""
    return MASK in text
