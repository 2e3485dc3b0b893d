"""What Colab's page says of a runtime."""

from __future__ import annotations

from colab_guard.messages.known import FAQ, Known, issues

COLAB = (
    Known(
        "Your session crashed after using all available RAM",
        r"using all available ram|used all available ram|ran out of (system )?(ram|memory).*session",
        "The kernel's process asked for more memory than the machine has, and the system killed it. Colab's meter lags "
        "behind: one large step (a copy, a concatenation, loading a file whole) fills the memory between two of its "
        "readings, so it may show little at the end. The VM and its disk are still there; variables are gone.",
        (
            "%guard why shows the memory of the last minutes; then run all cells: a guarded cell goes on.",
            "Load in pieces (chunksize=, memory-mapped arrays, an iterable dataset) and del what is not needed.",
            "Fewer DataLoader workers: each holds a copy of what it touches.",
            "A runtime with more RAM (Runtime → Change runtime type), where your plan has one.",
        ),
        (issues(2538, 2332, 3076), FAQ + "#resource-limits"),
    ),
    Known(
        "Your session crashed. Automatically restarting.",
        r"automatically restarting|KernelRestarter: restarting kernel|kernel \S+ restarted",
        "jupyter_client looks at the kernel's process every few seconds; when it has gone, it starts a new one. Who "
        "ended the old one is not in this message.",
        ("%guard why says what is known of the end.", "Run all cells: a guarded cell goes on where it was."),
        (issues(1142, 2538), "source of jupyter_client, restarter.py"),
    ),
    Known(
        "Your session crashed for an unknown reason",
        r"session crashed|crashed for an unknown reason|session has crashed",
        "The kernel's process ended and was started again, and the page could not tell why: a fatal signal in native "
        "code (segmentation fault, abort), a kill for memory that left no trace, os._exit, or versions of binary "
        "packages that do not fit together. The VM and its disk are still there.",
        (
            "%guard why: it names the signal where one was recorded, and shows memory and disk before the end.",
            "Runtime → View runtime logs (/var/colab/app.log): look at the lines above 'kernel … restarted'.",
            "If it began after a %pip install, restart the runtime once right after installing, before any import.",
        ),
        (issues(591, 1142, 2695), "source of Colab's page: it tells out_of_memory, x_server_error and unknown apart"),
    ),
    Known(
        "tcmalloc: large alloc … bytes",
        r"tcmalloc: large alloc",
        "A note, no error: one single allocation of over a gigabyte was made. Just before a crash it says which step "
        "filled the memory.",
        ("Look which line made it (the time stands beside it), and do that step in pieces.",),
        ("/var/colab/app.log, the telling line before a crash for memory", issues(2332)),
    ),
    Known(
        "Runtime disconnected due to inactivity or reaching its maximum duration",
        r"disconnected due to inactivity|reaching its maximum duration|runtime disconnected|session .*(idle|inactiv)",
        "One text for two ends: no browser was heard of for long enough (about 90 min, at times much less), or the "
        "VM reached its age limit (at most 12 h for free, less when many want one). Either way VM and disk are gone.",
        (
            "%guard why tells the two apart, by the age and by when a browser was last heard of.",
            "Keep the tab open and awake while a cell runs; nothing inside of the kernel can send that sign of life.",
            "Put the store on Drive, and run all cells on the new runtime: a guarded cell goes on.",
            "For longer runs: background execution (Pro+, up to 24 h), or the command line google-colab-cli.",
        ),
        (issues(2038, 2125, 4384), FAQ + "#resource-limits"),
    ),
    Known(
        "Your runtime has been disconnected due to executing code that is disallowed",
        r"executing code that is disallowed|code (that is )?disallowed",
        "Colab's free tier forbids some uses (a web UI as the main thing, mining, remote desktops and the like) and "
        "ends the VM when it sees one.",
        (
            "See the list of what is not allowed; the message has a link to appeal.",
            "With a balance of compute units some of it is allowed.",
        ),
        (FAQ + "#limitations-and-restrictions",),
    ),
    Known(
        "You cannot currently connect to a GPU due to usage limits in Colab",
        r"usage limits?( in colab)?|cannot (currently )?connect to (a )?gpu|gpu backend|no backend with gpu"
        r"|failed to assign a backend|no back ?end available",
        "The account has used up what it is given of GPUs for now, or there are none left. The limits vary and are not "
        "published; maintainers can't lift them.",
        (
            "Go on without a GPU (Runtime → Change runtime type → CPU): a guarded cell resumes there, valid though not "
            "bit-identical.",
            "Wait: hours to days, as users report. End GPU runtimes that nothing runs on (%guard release).",
            "With a plan: Connect's arrow → View resources shows the compute units that are left.",
        ),
        (issues(1523, 3144, 4383), FAQ + "#usage-limits"),
    ),
    Known(
        "You currently have zero compute units available. Resources offered free of charge are not guaranteed.",
        r"(zero|no|out of|any( available)?) compute units",
        "The plan's balance is used up: Colab falls back to what it gives for free, without premium GPUs and with its "
        "limits. Units are spent as long as a runtime is there, whether a cell runs or not.",
        (
            "Connect's arrow → View resources shows the balance, and when the plan renews it.",
            "Take a snapshot that survives the VM now: %guard status shows whether the newest is durable.",
            "End runtimes that nothing runs on (%guard release, or --release-when-done).",
        ),
        (issues(3167, 3176, 3326), "source of google.colab, runtime.py"),
    ),
    Known(
        "You have been using a GPU for a long time",
        r"using (a|the) gpu for (a )?long",
        "A sign that the account nears its GPU limits: who used GPUs much lately is served after the others. That the "
        "wording is this one, only users say; the limits themselves are in the FAQ.",
        (
            "Take a snapshot that survives the VM now: %guard status shows whether the newest is durable.",
            "Release the GPU when it is done (%guard release), and don't hold one while you only write code.",
        ),
        (FAQ + "#usage-limits",),
    ),
    Known(
        "You are connected to a GPU runtime, but not utilizing the GPU",
        r"not utilizing the gpu|not using (the|a) gpu|connected to (a )?gpu runtime",
        "The page saw the GPU idle for a while. It comes too early for who installs, downloads or writes code; it does "
        "not end anything, but idle GPUs count against the usage limits.",
        (
            "Check that the model and the batches are there: next(model.parameters()).device.",
            "For work without it, change to a CPU runtime.",
        ),
        (issues(1829, 1733, 6082), FAQ + "#usage-limits"),
    ),
    Known(
        "You have too many active sessions",
        r"too many (active )?sessions",
        "Each plan allows a few runtimes at once, fewer with GPU or much RAM; one that was ended is still counted for "
        "some minutes.",
        (
            "Runtime → Manage sessions: terminate those you don't need, wait a quarter of an hour.",
            "If none is listed: log out of all Google accounts but one (a private window does it).",
        ),
        (issues(2159, 2136, 2163),),
    ),
    Known(
        "Unable to connect to the runtime",
        r"(unable|could not|cannot|can't|failed) (to )?connect to (the |a )?(hosted )?runtime|allocating runtime",
        "The page could not get a VM or not reach it: an outage on Colab's side, a network that cuts WebSockets (a "
        "VPN, a proxy, an extension), or no VM of that kind free.",
        (
            "Reload the page; if a runtime is still there the kernel runs on, and its output comes back.",
            "Try a private window without extensions, and another network.",
            "Many reports at the same hour mean an outage: wait.",
        ),
        (issues(4727, 5654, 5650),),
    ),
    Known(
        "Failed to execute cell. Could not send execute message to runtime: await connected: disconnected",
        r"could not send execute message|await connected|failed to execute cell|not connected to a runtime",
        "The page has lost its connection to the VM, and the cell did not run. The kernel may well live: a dropped "
        "socket does not end it.",
        (
            "Reload the page before anything else; then run a small cell.",
            "If that fails, Runtime → Disconnect and delete runtime, and connect anew: local files are then lost.",
        ),
        (issues(2631, 4591, 2082),),
    ),
    Known(
        "TypeError: Failed to fetch",
        r"(?<!e: )failed to fetch(?! http)",
        "The browser's own request did not come through: an outage, an extension that blocks, or no network.",
        ("Reload; try a private window without extensions; look whether others report the same hour.",),
        (issues(4721, 5875),),
    ),
    Known(
        "Could not load the JavaScript files needed to display this output",
        r"javascript files (that are )?(needed|required)|third-party cookies",
        "Each output lies in a frame of another origin, whose cookies the browser blocks, or an extension does; or "
        "the login has expired. The kernel is not concerned.",
        (
            "Allow third-party cookies for colab.research.google.com and googleusercontent.com, and reload.",
            "Disable extensions one by one; log in again.",
        ),
        (issues(2734, 2209, 4427),),
    ),
    Known(
        "Buffered data was truncated after reaching the output size limit.",
        r"buffered data was truncated|output size limit",
        "The page keeps so much of a cell's output and no more. The cell runs on; what it prints is not all shown.",
        ("Print less: every 100th step, one bar of tqdm; write a log to a file that is kept.",),
        (issues(1052, 1318),),
    ),
    Known(
        "Automatic saving failed. This file was updated remotely or in another tab.",
        r"automatic (document )?saving (has )?(failed|been pending)|updated remotely or in another tab",
        "The notebook's text (not its variables) could not be saved: it is open elsewhere, is large (outputs count), "
        "or the line is slow.",
        ("File → Save; close the other tabs; clear large outputs. Snapshots are not concerned.",),
        (issues(3444, 4604, 5027),),
    ),
    Known(
        "reCAPTCHA: I'm not a robot",
        r"captcha|are you still there|not a robot",
        "Colab asks for a person from time to time, of who pays, too. Unanswered, the runtime counts as idle.",
        ("Answer it; a script must not click it away, for that dismisses it unsolved.",),
        (issues(2330),),
    ),
    Known(
        "You must restart the runtime in order to use newly installed versions",
        r"must restart the (runtime|session)|restart (runtime|session) .*newly installed",
        "pip replaced a package that is already imported; the old one stays in memory until the kernel restarts.",
        ("Restart now, then run all cells. Put all %pip lines into the first cell, before any import.",),
        (
            "source of google.colab, _pip.py",
            "IPython: ipython.readthedocs.io/en/stable/interactive/magics.html#magic-pip",
        ),
    ),
)
