"""When the Drive stand-in uploads what."""

from tests.standins.uploads import Uploads


def test_one_after_another_in_the_order_of_closing():
    uploads = Uploads(delay_seconds=3, bytes_per_second=10)
    uploads.add("a", 100, now=0)
    uploads.add("b", 20, now=1)
    uploads.add("c", 0, now=50)
    assert uploads.wait_seconds(0) == 13
    assert [uploads.due(now) for now in (12.9, 13, 14.9, 15, 52.9, 53)] == [[], ["a"], [], ["b"], [], ["c"]]
    assert uploads.wait_seconds(53) is None


def test_one_that_is_changed_while_it_is_sent_is_sent_again_whole_and_the_time_is_lost():
    uploads = Uploads(delay_seconds=0, bytes_per_second=10)
    uploads.add("a", 100, now=0)
    uploads.add("b", 10, now=1)
    uploads.drop("a", now=5)  # half of it was sent
    uploads.add("a", 100, now=5.5)
    assert [uploads.due(now) for now in (5.9, 6, 15.9, 16)] == [[], ["b"], [], ["a"]]


def test_one_that_is_deleted_while_it_waits_costs_nothing():
    uploads = Uploads(delay_seconds=0, bytes_per_second=10)
    uploads.add("a", 100, now=0)
    uploads.add("b", 100, now=0)
    uploads.drop("b", now=5)
    assert uploads.due(10) == ["a"]
    assert uploads.paths() == []


def test_a_pause_loses_what_was_sent_of_a_file():
    uploads = Uploads(delay_seconds=0, bytes_per_second=10)
    uploads.add("a", 100, now=0)
    uploads.pause()
    assert (uploads.due(1000), uploads.wait_seconds(1000)) == ([], None)
    uploads.resume(1000)
    assert [uploads.due(now) for now in (1009, 1010)] == [[], ["a"]]


def test_some_are_taken_whatever_the_time_and_others_renamed():
    uploads = Uploads(delay_seconds=60, bytes_per_second=None, paused=True)
    for path in "abc":
        uploads.add(path, 1, now=0)
    uploads.rename({"a": "x", "b": "b", "c": "c"}.__getitem__)
    assert (uploads.take(2), uploads.paths()) == (["x", "b"], ["c"])
