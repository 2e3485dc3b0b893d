"""Frames of errors let go of what they hold, on every Python, also after a debugger's look; those that run keep it."""

import gc
import sys
import weakref

import pytest

from colab_guard.gpumem.keepers import Script, clear_frames, frame_values, frames, last_errors


class Big:
    """As large as you like."""


@pytest.fixture
def made():
    """Makes one; ``made.gone()`` says of each whether it is gone."""
    alive = []

    def make():
        big = Big()
        alive.append(weakref.ref(big))
        return big

    make.gone = lambda: [one() is None for one in alive]
    gc.disable()
    yield make
    gc.enable()


@pytest.fixture
def error(made):
    """One that went through a function, a generator and a closure, and came from another one."""

    def inner():
        held, closed = [made()], made()

        def closure():
            return closed

        raise ValueError(len(held), closure())

    def generator():
        held = made()
        yield held
        inner()

    def outer():
        held = made()
        try:
            for _ in generator():
                pass
        except ValueError:
            raise RuntimeError(len([held])) from None

    try:
        outer()
    except RuntimeError as raised:
        raised.__context__.args = ()
        return raised


def test_all_frames_that_an_error_came_through_are_found_once(error):
    names = [frame.f_code.co_name for frame in frames([error, error.__traceback__, error])]
    assert sorted(names) == ["error", "generator", "inner", "outer"]


@pytest.mark.parametrize("looked", [False, True])
def test_they_let_go_of_their_variables(error, made, looked):
    if looked:  # as a debugger does, which keeps a copy in the frame before 3.13
        assert [frame.f_locals for frame in frames([error])]
    assert made.gone() == [False] * 4
    clear_frames([error])
    gc.collect()
    assert made.gone() == [True] * 4
    assert error.__traceback__ is not None


def test_looking_leaves_no_copy_behind(error, made):
    assert any("closed" in frame_values(frame) for frame in frames([error]))
    for frame in frames([error]):
        frame.clear()
    gc.collect()
    assert made.gone() == [True] * 4


def test_the_variables_of_a_module_are_not_a_functions():
    space = {"kept": 1}
    try:
        exec("raise ValueError", space)
    except ValueError as raised:
        last = raised
    assert [frame_values(frame) for frame in frames([last]) if frame.f_code.co_name == "<module>"] == [{}]
    clear_frames([last])
    assert space["kept"] == 1


def test_functions_that_still_run_keep_their_variables():
    def run():
        mine = Big()
        try:
            raise ValueError
        except ValueError as raised:
            clear_frames([raised])
        return mine

    assert isinstance(run(), Big)


def test_a_function_that_a_debugger_stands_in_keeps_its_variables():
    """Before 3.13 a debugger's copy of them is written back to the function when it goes on."""

    def look(frame, event, argument):
        if frame.f_code is stopped.__code__:
            if event == "line":
                frame_values(frame)
            return look
        return None

    def stopped():
        mine = Big()
        other = mine
        return other

    before = sys.gettrace()
    sys.settrace(look)
    try:
        found = stopped()
    finally:
        sys.settrace(before)
    assert isinstance(found, Big)


def test_what_python_keeps_of_the_last_error(monkeypatch):
    for name in ("last_exc", "last_value", "last_traceback"):
        monkeypatch.setattr(sys, name, None, raising=False)
    assert last_errors() == []
    last = ValueError()
    monkeypatch.setattr(sys, "last_value", last, raising=False)
    assert last_errors() == [last]
    assert list(Script().errors()) == [last]
    assert "__name__" not in Script().variables()
