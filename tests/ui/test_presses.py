"""Each press is answered once; none is forgotten while it waits, and none acts twice."""

import threading

from colab_guard.ui.presses import Presses


def test_a_second_press_joins_the_first_while_that_waits_and_is_a_new_one_behind_it():
    presses = Presses()
    assert presses.add("save", "a")
    assert not presses.add("save", "b")
    [one] = presses.waiting()
    presses.answer(one, "saved")
    assert presses.shown()["a"] == presses.shown()["b"] == {"state": "done", "text": "saved"}
    assert not presses.add("save", "a"), "the same press, told again"
    assert presses.add("save", "c")
    assert len(presses.waiting()) == 1


def test_presses_with_other_arguments_are_other_presses():
    presses = Presses()
    assert presses.add("restore", "a", "1")
    assert presses.add("restore", "b", "2")
    assert [press.arg for press in presses.waiting()] == ["1", "2"]


def test_one_that_waits_is_kept_behind_any_number_that_were_answered():
    presses = Presses()
    presses.add("stop", "first")
    for number in range(1000):
        presses.add("save", f"{number}")
        presses.answer(presses.waiting()[-1], "saved")
    assert [press.do for press in presses.waiting()] == ["stop"]
    assert len(presses.shown()) == 8
    assert len(presses._seen) < 20
    presses.answer(presses.waiting()[0], "stopped", refused=True)
    presses.answer(presses._seen["first"], "changed", refused=False)
    assert presses._seen["first"].text == "stopped"


def test_a_press_told_by_two_threads_at_once_is_one():
    for _ in range(50):
        presses, new = Presses(), list[bool]()
        begin = threading.Barrier(4)

        def tell(presses=presses, new=new, begin=begin):
            begin.wait()
            new.append(presses.add("save", "a"))

        threads = [threading.Thread(target=tell) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(new) == [False, False, False, True]
