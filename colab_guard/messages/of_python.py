"""What Jupyter, Python and its packages say."""

from __future__ import annotations

from colab_guard.messages.known import Known

SERVER = "Jupyter Server, config options: jupyter-server.readthedocs.io/en/latest/other/full-config.html"
EXCEPTIONS = "Python, built-in exceptions: docs.python.org/3/library/exceptions.html"

PYTHON = (
    Known(
        "Kernel Restarting: The kernel appears to have died. It will restart automatically.",
        r"kernel\b.{0,80}\bdied\b|kernel restarting|dead ?kernel",
        "The kernel's process ended by itself: killed for memory, a crash in native code, or os._exit. Variables are "
        "gone, files are not.",
        (
            "%guard why names what is known; then run all cells: a guarded cell goes on.",
            "A crash at an import is mostly a mixture of versions: make a fresh environment.",
        ),
        ("source of jupyter_client, restarter.py", "source of Jupyter Notebook"),
    ),
    Known(
        "Segmentation fault (core dumped)",
        r"segmentation fault|sigsegv|signal 11|fatal python error|aborted \(core dumped\)|signal 6|sigabrt",
        "Native code of a package failed: versions of binary packages that do not fit, a bug in an extension, threads "
        "that share what they must not. Python's fault handler says in which line it was.",
        (
            "%guard why shows what the fault handler wrote.",
            "Undo the latest %pip install; restart; try the failing line alone.",
        ),
        ("Python, faulthandler: docs.python.org/3/library/faulthandler.html",),
    ),
    Known(
        "Killed / exit code -9 or 137",
        r"\bkilled\b|exit(ed)? (code|status|with)[: ]*(-9|137)|sigkill|signal 9|oom-?kill",
        "The system ended the process without asking, nearly always because memory was full (or the container's part "
        "of it was).",
        ("%guard why shows the memory before the end and the system's own count of such kills.",),
        ("Linux, control groups, memory.events / memory.oom_control: docs.kernel.org/admin-guide/cgroup-v2.html",),
    ),
    Known(
        "MemoryError / numpy: Unable to allocate … for an array with shape …",
        r"\bmemoryerror|unable to allocate .* for an array|defaultcpuallocator|cannot allocate memory|errno 12\b"
        r"|not enough memory|std::bad_alloc",
        "One request for memory was larger than what is free. Unlike a crash this is an ordinary error: variables "
        "are still there.",
        (
            "Look at the shape in the message: a broadcast or an outer product gone wrong is often larger than meant.",
            "A smaller type (float32, int8, category), pieces, or np.memmap; del what is not needed.",
            "Run the cell again: it goes on from its newest snapshot.",
        ),
        (EXCEPTIONS,),
    ),
    Known(
        "IOPub data rate exceeded / IOPub message rate exceeded",
        r"iopub (data|message|msg) rate",
        "The cell prints more than the server passes on to the page; it drops the rest for a while. The cell runs on.",
        (
            "Print less: every 100th step, no whole arrays; one bar of tqdm.",
            "On a server of your own: --ServerApp.iopub_data_rate_limit=1e8.",
        ),
        (SERVER,),
    ),
    Known(
        "RuntimeError: asyncio.run() cannot be called from a running event loop",
        r"asyncio\.run\(\) cannot be called|event loop is already running",
        "A notebook's kernel already runs an event loop, in which cells may use await directly.",
        ("await main() instead of asyncio.run(main()).",),
        ("IPython, autoawait: ipython.readthedocs.io/en/stable/interactive/autoawait.html",),
    ),
    Known(
        "numpy.dtype size changed, may indicate binary incompatibility / compiled using NumPy 1.x",
        r"numpy\.dtype size changed|compiled using numpy 1|_ARRAY_API not found|numpy\.core\.multiarray failed",
        "A package was built for another NumPy than the one installed now, mostly since a %pip install changed it.",
        (
            "Install the package anew, or pin numpy to what it was built for; then restart, and run all cells.",
            "Keep all %pip lines in the first cell, with versions.",
        ),
        (
            "NumPy, troubleshooting import errors: numpy.org/doc/stable/user/troubleshooting-importerror.html",
            "NumPy 2.0 migration guide: numpy.org/doc/stable/numpy_2_0_migration_guide.html",
        ),
    ),
    Known(
        "ModuleNotFoundError: No module named …",
        r"modulenotfounderror|no module named",
        "The package is not installed on this VM: a new VM has only the image's packages.",
        ("Put its %pip install into the first cell, which runs again on a new VM.",),
        (EXCEPTIONS,),
    ),
    Known(
        "NameError: name … is not defined",
        r"nameerror|is not defined",
        "Mostly after a restart: the cell that defines it has not run in this kernel.",
        ("Run all cells from the top. %guard restore puts saved variables back.",),
        (EXCEPTIONS,),
    ),
    Known(
        "KeyboardInterrupt",
        r"keyboardinterrupt",
        "The cell was interrupted: by the stop button, by the menu, or by the page itself.",
        ("A guarded cell that was interrupted goes on when it is run again.",),
        (EXCEPTIONS,),
    ),
    Known(
        "requests.exceptions.ConnectionError / Max retries exceeded / Name resolution",
        r"max retries exceeded|temporary failure in name resolution|connection ?(error|reset|refused|aborted)"
        r"|name or service not known|remote end closed",
        "The network failed for a moment, or the other side ended the connection.",
        ("Try again; fetch data in a cell of its own, to a file that is kept.",),
        ("Python, socket.gaierror and ConnectionError: docs.python.org/3/library/socket.html",),
    ),
    Known(
        "401 Client Error / gated repo (Hugging Face)",
        r"gated ?repo|40[13] client error|repositorynotfounderror|invalid username or password",
        "No valid token here (a new VM has none), or the model asks you to accept its terms first.",
        ("Keep the token in Colab's secrets as HF_TOKEN, let the notebook read it, and accept the terms on the page.",),
        ("Hugging Face, gated models: huggingface.co/docs/hub/models-gated",),
    ),
)
