"""A cursor is found again in a cell that was edited since, or the edit is reported."""

import textwrap

import pytest

from colab_guard.cell.edits import follow, same
from colab_guard.cell.naming import check_name, derived_name
from colab_guard.cell.tree import parse
from colab_guard.core.errors import EditedCell, UsageError

OLD = """
import math
def helper(x):
    return x + 1
a = 1
b = 2
for epoch in range(10):
    c = helper(epoch)
    for batch in [1, 2, 3]:
        a += batch
    d = c
print(a)
"""
INNER = (("body", 4), ("body", 1), ("body", 0))  # at the start of the inner loop's body


def edited(*pairs: tuple[str, str]) -> str:
    new = OLD
    for old, replacement in pairs:
        assert old in new
        new = new.replace(old, replacement)
    return new


@pytest.mark.parametrize(
    "new",
    [
        edited(("a += batch", "a += 2 * batch")),
        edited(("print(a)", "print(a, b)\nprint(c)")),
        edited(("d = c", "d = c + 1")),
        edited(("c = helper(epoch)", "c = helper(epoch) * 2")),
        edited(("a = 1", "a = 1  # a comment\n\n")),
        edited(("import math", "import math, os")),
    ],
)
def test_code_that_will_run_may_be_edited(new: str) -> None:
    found = follow(parse(OLD), parse(new), INNER)
    assert found.lines == ()
    assert found.cursor == INNER


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (edited(("a = 1", "a = 7")), 5),
        (edited(("b = 2\n", "b = 2\nextra = 3\n")), 7),
        (edited(("b = 2\n", "")), 5),
        (edited(("range(10)", "range(20)")), 7),
    ],
)
def test_an_edit_of_what_ran_is_reported_by_line(new: str, line: int) -> None:
    assert follow(parse(OLD), parse(new), INNER).lines == (line,)


def test_a_definition_may_be_edited_or_added_before_the_cursor() -> None:
    new = edited(("return x + 1", "return x + 2"), ("a = 1", "def fresh(): pass\na = 1"))
    found = follow(parse(OLD), parse(new), INNER)
    assert found.lines == ()
    assert found.cursor == (("body", 5), *INNER[1:])
    assert found.redefined == {"helper", "fresh"}


def test_statements_added_to_the_loop_move_the_cursor_along() -> None:
    new = edited(("    c = helper(epoch)\n", "    c = helper(epoch)\n    e = c\n    f = e\n"))
    assert follow(parse(OLD), parse(new), INNER).cursor == (("body", 4), ("body", 3), ("body", 0))


def test_a_loop_that_is_gone_is_an_error_that_shows_it() -> None:
    new = edited(("    for batch in [1, 2, 3]:\n        a += batch\n", ""))
    with pytest.raises(EditedCell, match=r"for batch in \[1, 2, 3\]"):
        follow(parse(OLD), parse(new), INNER)


def test_a_cursor_between_statements_is_found_behind_the_same_ones() -> None:
    behind = (("body", 4),)
    new = edited(("b = 2\n", "b = 2\ndef late(): pass\n"))
    assert follow(parse(OLD), parse(new), behind).cursor == behind  # so that `late` is defined on the way
    assert follow(parse(OLD), parse(edited(("range(10)", "range(20)"))), behind).lines == ()


def test_comments_and_layout_are_no_edit() -> None:
    assert same(parse(OLD), parse(OLD.replace("a = 1", "# why\na   =   1")))
    assert not same(parse(OLD), parse(OLD.replace("a = 1", "a = 2")))


def test_a_derived_name_survives_edits_of_the_body_and_behind() -> None:
    name = derived_name(parse(OLD))
    assert derived_name(parse(edited(("a += batch", "a -= batch"), ("print(a)", "pass")))) == name
    assert derived_name(parse(edited(("a = 1", "a = 2")))) != name
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", ".hidden", "-x", "x" * 65, "naïve", "a..b"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't be a name"):
        check_name(name)


def test_a_cell_of_one_line_has_a_name_too() -> None:
    assert derived_name(parse(textwrap.dedent("x = 1"))).startswith("cell-")
