"""That the durable store is lost, and back, is told when something was to be uploaded there."""

from colab_guard.tiers import uploads
from tests.tiers.remotes import GONE, Later, Machine


def test_the_loss_and_the_return_of_the_store_are_events(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "RECORDER", recorded.recorder)
    recorded.begin()
    recorded.beat()
    remote = Later(tmp_path / "drive")
    machine = Machine(tmp_path / "disk", remote)
    machine.commit()
    machine.settle()
    remote.broken = GONE
    machine.commit()
    for _ in range(3):  # and the tries that follow say nothing new
        machine.settle()
    remote.broken = None
    machine.settle()
    lost, back = recorded.read().events
    assert (lost["what"], back["what"]) == ("store-lost", "store-back")
    assert remote.place in lost["text"]
    assert "mount" in lost["text"]
