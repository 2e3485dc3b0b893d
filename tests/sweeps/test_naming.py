"""An item has the same name in every session, or is refused with what to do about it."""

import subprocess
import sys
from pathlib import Path

import pytest

from colab_guard.core.errors import UsageError
from colab_guard.sweeps.naming import NAME_CHARS, named


def build():
    pass


class Net:
    pass


def test_texts_numbers_paths_settings_functions_and_classes_have_names_of_their_own():
    items = ["resnet18", 3, 0.1, True, None, Path("a/b"), ("adam", 0.1), {"lr": 0.1}, build, Net, len, ""]
    assert list(named(items)) == [
        "resnet18", "3", "0.1", "True", "None", "a/b", "('adam', 0.1)", "{'lr': 0.1}", "build", "Net", "len", "''",
    ]  # fmt: skip
    assert list(named(items).values()) == items


def test_a_long_name_is_cut_and_stays_what_it_is_in_another_process():
    code = "from colab_guard.sweeps.naming import named; print(*named([list(range(99)), list(range(98))]), sep='|')"
    names = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2)}
    (found,) = names
    one, other = found.strip().split("|")
    assert one != other
    assert {len(one), len(other)} == {NAME_CHARS}
    assert [*named([list(range(99)), list(range(98))])] == [one, other]


@pytest.mark.parametrize("item", [Net(), [Net()], {1, 2}, frozenset("ab"), object().__init__])
def test_what_another_session_would_not_find_again_is_refused(item):
    with pytest.raises(UsageError, match=r"Item 1 is a .* no name by which another session would find it.*key="):
        named(["first", item])


def test_a_key_names_what_has_no_name():
    items = [Net(), Net()]
    assert named(items, lambda item: f"net-{items.index(item)}") == {"net-0": items[0], "net-1": items[1]}


def test_two_items_of_one_name_are_refused():
    with pytest.raises(UsageError, match=r"Items 1 and 2 are both called '0.1', .*key=.*Nothing was run"):
        named(["a", 0.1, "0.1"])


def test_a_secret_in_a_name_is_masked_and_the_name_stays_one():
    token = "hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
    (name,) = named([{"hf": token}])
    assert token not in name
    assert [name] == list(named([{"hf": token}]))
