"""Cells are compared without their secrets: masked or not, the old one or the next."""

import ast

from colab_guard.cell.edits import follow, same
from colab_guard.cell.naming import derived_name
from colab_guard.cell.secrets import holds_secret
from colab_guard.core.secrets import mask
from tests.support.tokens import NAMED, drawn, hugging_face

CELL = """
def f():
    return b"{0}"
print(f"{{1}} {0}")
login("{0}", password="{1}")
for i in range(3):
    work(i, "{0}")
"""
OLD = CELL.format(hugging_face(), NAMED)
NEW = CELL.format("hf_" + drawn("abcdefghijklXYZ", 40), drawn("abcdefghijk0123456789", 30))
LOOP = (("body", 3), ("body", 0))


def test_masked_and_other_secrets_are_no_edit() -> None:
    for old, new in [(OLD, NEW), (mask(OLD), OLD), (mask(OLD), NEW)]:
        assert same(ast.parse(old), ast.parse(new))
        followed = follow(ast.parse(old), ast.parse(new), LOOP)
        assert (followed.cursor, followed.lines) == (LOOP, ())
        assert followed.redefined == {"f"}  # whose code is not whole in the snapshot
        assert derived_name(ast.parse(old)) == derived_name(ast.parse(new))


def test_any_other_edit_is_one() -> None:
    for part in ("password=", "login", "} hf_"):
        changed = NEW.replace(part, part.replace(part[:2], {"pa": "x", "lo": "z", "} ": "}z "}[part[:2]]), 1)
        assert not same(ast.parse(mask(OLD)), ast.parse(changed))


def test_what_holds_a_secret() -> None:
    assert holds_secret(ast.parse(OLD))
    assert holds_secret(ast.parse(mask(OLD)))
    assert not holds_secret(ast.parse(CELL.format("an ordinary text", "short")))
