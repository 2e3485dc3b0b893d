"""What Google Drive's mount, its API and other disks say."""

from __future__ import annotations

from colab_guard.messages.known import ERRNO, FAQ, SOURCE, Known, issues

DRIVE_ERRORS = "Drive API, Resolve errors: developers.google.com/workspace/drive/api/guides/handle-errors"

DRIVE = (
    Known(
        "OSError: [Errno 107] Transport endpoint is not connected",
        r"transport endpoint is not connected|errno 10[37]\b|\bENOTCONN\b|software caused connection abort",
        "The process behind Drive's mount has died (often for want of memory, or under many small files); the mount "
        "point is still there, and everything below it fails. What was written and not yet uploaded may be lost.",
        (
            "%guard mount: mounts it again and uploads what has waited on the local disk.",
            "By hand: !fusermount -u /content/drive, then drive.mount('/content/drive', force_remount=True).",
            "Train from the local disk: copy the data there once, as one archive.",
        ),
        (issues(3441, 5301, 5951), ERRNO),
    ),
    Known(
        "OSError: [Errno 5] Input/output error",
        r"errno 5\b|input/output error|\bEIO\b",
        "On Drive's mount mostly a quota in disguise: too many operations in a short time, a full account, or a "
        "download limit of one file. The reason stands in ~/.config/Google/DriveFS/Logs/drive_fs.txt.",
        (
            "Look there: !grep -iE 'quota|rateLimit|deadline|timed out' ~/.config/Google/DriveFS/Logs/drive_fs.txt",
            "Read few large files instead of many small ones: one archive, unpacked on the local disk.",
            "Free space in Drive, and empty its trash.",
        ),
        (issues(1443, 280), FAQ + "#drive-timeout", ERRNO),
    ),
    Known(
        "A Google Drive timeout has occurred",
        r"drive timeout|drive .*timed out|timeout during initial read of root folder|QueryManager timed out",
        "Listing a folder took too long: a folder with thousands of files or folders in it, My Drive's own top first "
        "of all. It often works at the second try, for the first one filled the cache.",
        (
            "Try again once.",
            "Move files into subfolders (a few hundred in each), or into one archive.",
        ),
        (issues(479, 2215), FAQ + "#drive-timeout", SOURCE + ", drive.py"),
    ),
    Known(
        "ValueError: mount failed",
        r"mount failed",
        "Drive's program ended before the folder appeared: access refused in the pop-up, an account that does not "
        "allow it, a time-out at the first listing, or a leftover from an earlier mount.",
        (
            "Runtime → Disconnect and delete runtime, then mount again, with the account that the notebook is open in.",
            "If it says 'timeout during initial read of root folder': fewer things at My Drive's top.",
        ),
        (SOURCE + ", drive.py", issues(5531), FAQ + "#drive-timeout"),
    ),
    Known(
        "MessageError: Error: credential propagation was unsuccessful",
        r"credential propagation",
        "The pop-up that asks for access to Drive was closed, blocked, answered with another account, or not all "
        "boxes were ticked; at times it was an outage.",
        (
            "Run it again, let pop-ups through, choose the account of the page, and tick every box.",
            "A private window with a single account; else wait, and look at the newest reports.",
        ),
        (issues(2782, 5063, 5694),),
    ),
    Known(
        "ValueError: Mountpoint must not already contain files",
        r"mountpoint must not already contain files",
        "Something was written to /content/drive while Drive was not mounted. Those files are on the VM's disk only: "
        "they are not in Drive, and go with the VM.",
        ("Move them away first: !mv /content/drive /content/not-in-drive, then mount, then copy what you need.",),
        (SOURCE + ", drive.py",),
    ),
    Known(
        "Drive already mounted at …; to attempt to forcibly remount, call drive.mount(…, force_remount=True)",
        r"drive already mounted",
        "A note, no error: the mount is there. If reading from it fails all the same, its process has died.",
        ("Nothing; or, where it does not answer, %guard mount.",),
        (SOURCE + ", drive.py",),
    ),
    Known(
        "The domain policy has disabled Drive File Stream",
        r"domain policy has disabled drive",
        "The administrator of a work or school account does not allow Drive's desktop program, which the mount is.",
        ("Another account, or a store elsewhere: gs://, s3://, hf:// (%guard config store=…).",),
        (SOURCE + ", drive.py", "support.google.com/a/answer/7496409"),
    ),
    Known(
        "The user's Drive storage quota has been exceeded (storageQuotaExceeded)",
        r"storage ?quota|quota_exceeded|drive (is )?full|storage (is )?full|out of storage",
        "The account is full (15 GB for free, shared with Gmail and Photos). Deleted files count until the trash is "
        "empty, and writing over a large file makes a new version.",
        (
            "Empty Drive's trash: %guard status says what of our own snapshots lies there.",
            "Keep fewer snapshots: --keep 2, or --budget 5GB.",
        ),
        (issues(1269, 6051), DRIVE_ERRORS),
    ),
    Known(
        "User Rate Limit Exceeded (userRateLimitExceeded)",
        r"user ?rate ?limit|rate ?limit ?exceeded|too many requests|error 429|\b429\b.*(client|error)",
        "Too many requests in a short time; the account is not full, and nothing is lost.",
        ("Wait some minutes; then fewer and larger files, and longer intervals (--every 10m).",),
        (DRIVE_ERRORS, issues(1443)),
    ),
    Known(
        "Too many users have viewed or downloaded this file recently (downloadQuotaExceeded)",
        r"too many users have (viewed|downloaded)|download ?quota|cannot retrieve the public link",
        "A limit on how often one shared file may be fetched in a day, or the file is not shared with everyone.",
        (
            "Make a copy in your own Drive (Add shortcut is not enough), and read it through the mount.",
            "Else try again after a day.",
        ),
        ("wkentaro/gdown#151", "wkentaro/gdown#325"),
    ),
    Known(
        "OSError: [Errno 28] No space left on device",
        r"errno (28|122)\b|no space left|disk quota exceeded|\bENOSPC\b|disk (is )?(almost )?full",
        "The disk is full: the VM's own (/content, /tmp, ~/.cache), or, below /content/drive, the cache that Drive's "
        "program keeps on that same disk until a file is uploaded.",
        (
            "See what is big: !du -xh --max-depth=2 / 2>/dev/null | sort -h | tail -20",
            "Delete downloads and caches that are unpacked already (~/.cache/huggingface, ~/.cache/pip, archives).",
            "Run the cell again: it goes on from its newest snapshot.",
        ),
        (ERRNO, issues(659)),
    ),
    Known(
        "OSError: [Errno 30] Read-only file system",
        r"errno 30\b|read-only file system|\bEROFS\b",
        "The place can't be written to at all (Kaggle's /kaggle/input, a mount with readonly=True), or the disk has "
        "failed and the system made it read-only.",
        ("Write elsewhere: /kaggle/working, /content, /tmp.",),
        (ERRNO,),
    ),
    Known(
        "OSError: [Errno 95] Operation not supported",
        r"errno (95|38)\b|\bEOPNOTSUPP\b|\bENOSYS\b",
        "Drive's mount has no symbolic (95) and no hard links (38), and no extended attributes of one's own.",
        ("Do it on the local disk (/content), and copy the result as one file.",),
        ("users' reports of Drive's mount", ERRNO),
    ),
    Known(
        "OSError: [Errno 24] Too many open files",
        r"errno 24|too many open files|\bEMFILE\b|received 0 items of ancdata",
        "Files, sockets or shared tensors are opened and not closed; DataLoader workers use one descriptor a tensor.",
        (
            "torch.multiprocessing.set_sharing_strategy('file_system')",
            "Open files with `with`; don't keep tensors of workers: list.append(batch.clone()).",
        ),
        ("PyTorch, multiprocessing, sharing strategies: docs.pytorch.org/docs/stable/multiprocessing.html", ERRNO),
    ),
)
