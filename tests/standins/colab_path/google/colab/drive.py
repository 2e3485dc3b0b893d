"""Mounts the Drive of the test that started this kernel, once the page has been asked for its user's consent."""

import os

from google.colab import _message, _stand_in

__all__ = ["flush_and_unmount", "mount"]


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    """Mounts; ValueError where the mount point holds files, or nothing can be mounted there."""
    if " " in mountpoint:
        raise ValueError("Mountpoint must not contain a space.")
    _message.blocking_request("request_auth", request={"authType": "dfs_ephemeral"}, timeout_sec=int(timeout_ms / 1000))
    mountpoint = os.path.expanduser(mountpoint)
    if not force_remount and os.path.isdir(os.path.join(mountpoint, "MyDrive")):
        again = f'drive.mount("{mountpoint}", force_remount=True)'
        print(f"Drive already mounted at {mountpoint}; to attempt to forcibly remount, call {again}.")
        return
    _stand_in.ask("mount", mountpoint=mountpoint, readonly=readonly)
    print(f"Mounted at {mountpoint}")


def flush_and_unmount(timeout_ms=24 * 60 * 60 * 1000):
    """Uploads all and unmounts; where nothing is mounted it only says so."""
    if not _stand_in.ask("flush_and_unmount"):
        print("Drive not mounted, so nothing to flush and unmount.")
