"""Tokens of the known shapes, random and made up here: no file under version control holds one that a scanner finds."""

import random
import string

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def drawn(alphabet: str, size: int, seed: int = 1) -> str:
    """A random text, the same each time; with a digit and a capital where the alphabet has them."""
    rng = random.Random(seed)
    must = "".join(part for part in ("7", "Q") if part in alphabet)
    return must + "".join(rng.choices(alphabet, k=size - len(must)))


def hugging_face(seed: int = 1) -> str:
    """As the hub gives them out."""
    return "hf_" + drawn(string.ascii_letters, 34, seed)


def private_key(kind: str = "RSA ", lines: int = 12) -> str:
    """A PEM block."""
    body = "\n".join(drawn(ALNUM + "+/", 64, line) for line in range(lines))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n{drawn(ALNUM, 10)}=\n-----END {kind}PRIVATE KEY-----\n"


SHAPES = {
    "hugging face": hugging_face(),
    "openai, old": "sk-" + drawn(ALNUM, 48),
    "openai, project": "sk-proj-" + drawn(ALNUM + "_-", 74) + "T3BlbkFJ" + drawn(ALNUM + "_-", 74, 2),
    "anthropic": "sk-ant-api03-" + drawn(ALNUM + "_-", 93) + "AA",
    "openrouter": "sk-or-v1-" + drawn(HEX, 64),
    "github, classic": "ghp_" + drawn(ALNUM, 36),
    "github, server": "ghs_" + drawn(ALNUM, 36),
    "github, fine-grained": "github_pat_" + drawn(ALNUM, 22) + "_" + drawn(ALNUM, 59, 2),
    "gitlab": "glpat-" + drawn(ALNUM + "_-", 20),
    "aws": "AKIA" + drawn(string.ascii_uppercase + "234567", 16),
    "google": "AIza" + drawn(ALNUM + "_-", 35),
    "google, access": "ya29." + drawn(ALNUM + "_-", 120),
    "google, client": "GOCSPX-" + drawn(ALNUM + "_-", 28),
    "slack, bot": "xoxb-" + drawn(string.digits, 12) + "-" + drawn(string.digits, 13, 2) + "-" + drawn(ALNUM, 24),
    "slack, user": "xoxp-" + drawn(string.digits, 12) + "-" + drawn(HEX, 32),
    "weights & biases": "wandb_v1_" + drawn(ALNUM + "_", 77),
    "npm": "npm_" + drawn(ALNUM, 36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + drawn(ALNUM + "_-", 90),
    "replicate": "r8_" + drawn(ALNUM, 37),
    "groq": "gsk_" + drawn(ALNUM, 52),
    "nvidia": "nvapi-" + drawn(ALNUM + "_-", 64),
    "stripe": "sk_live_" + drawn(ALNUM, 24),
    "sendgrid": "SG." + drawn(ALNUM + "_-", 22) + "." + drawn(ALNUM + "_-", 43, 2),
    "jwt": "eyJ" + drawn(ALNUM, 33) + ".eyJ" + drawn(ALNUM, 80, 2) + "." + drawn(ALNUM + "_-", 43, 3),
    "private key": private_key().rstrip(),
    "private key, pkcs8": private_key("").rstrip(),
    "private key, ssh": private_key("OPENSSH ").rstrip(),
}
NAMED = drawn(HEX, 40)  # as an old key of Weights & Biases: only its name tells
