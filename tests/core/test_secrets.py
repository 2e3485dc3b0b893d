"""Secrets are told from texts that only look like them."""

import ast

import pytest

from colab_guard.core import secrets
from tests.support.tokens import ALNUM, HEX, NAMED, SHAPES, drawn, hugging_face, private_key


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES)
def test_tokens_are_found_where_they_stand(token: str) -> None:
    for before, after in [("", ""), ("Bearer ", "\n"), ("https://user:", "@host/path"), ('{"a": "', '"}'), ("a=", ",")]:
        spans = list(secrets.find(f"{before}{token}{after}"))
        assert [(span.start, span.end) for span in spans] == [(len(before), len(before) + len(token))]


NO_TOKENS = [
    "hf_" + "x" * 34, "hf_hub_download", "sk-learn-contrib-imbalanced-learn-documentation", "sk-toggleable__content",
    "AKIAAAAAAAAAAAAAAAAA", "AKIA" + "7Q" * 3, "ghp_short1A", "risk-" + drawn(ALNUM, 48), "shf_" + drawn(ALNUM, 34),
    "-----BEGIN CERTIFICATE-----\n" + drawn(ALNUM, 64) + "\n-----END CERTIFICATE-----", "npm_config_registry",
    "-----BEGIN PUBLIC KEY-----\n" + drawn(ALNUM, 64) + "\n-----END PUBLIC KEY-----", "r8_k8s_deployment",
    "https://huggingface.co/meta-llama/Llama-3.1-8B", "<|endoftext|>", drawn(HEX, 40), "eyJhbGciOiJIUzI1NiJ9",
    "/content/drive/MyDrive/data/train_0001.parquet", "All work and no play makes Jack a dull boy.", "xoxo",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_only_begins_so_is_no_token(text: str) -> None:
    assert list(secrets.find(text)) == []


TELLING = [
    "HF_TOKEN", "hf_token", "hfToken", "token", "TOKEN", "WANDB_API_KEY", "api_key", "apikey", "apiKey",
    "openai_api_key", "secret", "SECRET_KEY", "client_secret", "password", "PASSWORD", "db_password", "passwd",
    "passphrase", "credential", "credentials", "private_key", "aws_secret_access_key", "accessKey", "authToken",
    "_secret_value", "x-api-key", "access_token", "bearer", "Authorization", "pwd",
]  # fmt: skip
PLAIN = [
    "tokenizer", "PAD_TOKEN", "pad_token", "eos_token", "bos_token_id", "mask_token", "RNG_KEY", "key", "keys",
    "rng_key", "prng_key", "cache_key", "primary_key", "public_key", "tokens", "n_tokens", "sort_key", "url",
    "path", "name", "checkpoint", "run_id", "author", "keyboard", "monkey", "hash", "digest", "secretary",
    "tokenized", "next_token_logits", "model_id", "passed",
]  # fmt: skip


def test_names_that_tell() -> None:
    assert [name for name in TELLING if not secrets.is_telling(name)] == []
    assert [name for name in PLAIN if secrets.is_telling(name)] == []


@pytest.mark.parametrize("value", [NAMED, drawn(ALNUM, 32), drawn(ALNUM + "+/", 40), "Tr0ub4dor&3-and-a-half!"])
def test_a_random_text_is_a_secret_under_a_telling_name_only(value: str) -> None:
    assert all(secrets.is_secret(name, value) for name in TELLING)
    assert not any(secrets.is_secret(name, value) for name in PLAIN)


@pytest.mark.parametrize(
    "value",
    [
        "", "short-1A", "<|begin_of_image_0_token|>", "/home/user/.config/token_2024.json", "a" * 40, "1212121212" * 4,
        "https://example.com/get?token=Abc123", "the token that begins a sentence 1A", "token_type_ids_and_positions",
        "{placeholder_for_TOKEN_1}", "naïve-" + NAMED,
    ],
)  # fmt: skip
def test_what_is_short_or_regular_or_a_path_is_none_under_any_name(value: str) -> None:
    assert not any(secrets.is_secret(name, value) for name in TELLING)


IN_CODE = [
    'login(token="{}")', "password = '{}'", 'os.environ["WANDB_API_KEY"] = "{}"', 'cfg = {{"api_key": "{}"}}',
    'run("env", "WANDB_API_KEY={}")', 'setdefault("HF_TOKEN", "{}")', 'auth.secret = b"{}"',
    'def f(api_key="{}"): pass',
]  # fmt: skip


@pytest.mark.parametrize("code", IN_CODE)
def test_what_code_calls_a_secret_is_one(code: str) -> None:
    assert secrets.values_in(code.format(NAMED)) == {NAMED}
    assert secrets.values_in(code.format("an_ordinary_name_that_is_long")) == set()


CELL = f'''key = """{private_key()}"""
lines = ("-----BEGIN PRIVATE KEY-----\\n"
         "{drawn(ALNUM + "+/", 64)}\\n"
         '-----END PRIVATE KEY-----')
escaped = "-----BEGIN PRIVATE KEY-----\\n{drawn(ALNUM + "+/", 64)}\\n-----END PRIVATE KEY-----"
raw = b"{hugging_face()}"  # was {hugging_face(2)}
print(f"{{raw}} {hugging_face(3)}", password="{NAMED}", other="********")
'''


def test_masked_code_is_code_with_each_line_as_long_as_it_was() -> None:
    masked = secrets.mask(CELL)
    assert [len(line) for line in masked.splitlines()] == [len(line) for line in CELL.splitlines()]
    assert [type(node) for node in ast.walk(ast.parse(masked))] == [type(node) for node in ast.walk(ast.parse(CELL))]
    assert secrets.mask(masked) == masked
    assert secrets.values_in(masked) == set()
    for piece in (hugging_face(), hugging_face(2), hugging_face(3), NAMED, drawn(ALNUM + "+/", 64), private_key()):
        assert piece not in masked
    assert 'other="********"' in masked


def test_other_values_are_masked_on_request_the_longest_first() -> None:
    assert secrets.mask("a swordfish, a sword", ["sword", "swordfish"]) == "a [secret]*, a [secr"
