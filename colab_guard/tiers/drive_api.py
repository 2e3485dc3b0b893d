"""Google Drive's API: what Drive itself says of a file and of its space, where the user has authorised the question.

``GET files/<id>?fields=md5Checksum,size,trashed`` and ``GET about?fields=storageQuota``, of version 3. A question takes
at most ``SECONDS``, whatever hangs; after one that failed none is asked for ``REST_SECONDS``. Nothing is raised: no
answer is None, and ``trouble`` says why.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from colab_guard.tiers.drive_user import User

BASE = "https://www.googleapis.com/drive/v3"
SECONDS, REST_SECONDS = 5.0, 60.0
ANSWER_BYTES = 100_000  # far more than any has

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """What Drive says of a file: its size, the MD5 of its content in hex, and whether it lies in the trash."""

    size_bytes: int
    md5: str
    is_trashed: bool


class DriveApi:
    """For one thread, but for ``trouble``.

    ``token`` gives an access token, or None where nobody authorised anything; ``clock`` is in seconds, from any start.
    """

    def __init__(
        self,
        token: Callable[[], str | None] | None = None,
        base: str = BASE,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble = ""  # why there was no answer when it was asked last
        self._token = token or User().token
        self._base, self._seconds, self.clock = urlsplit(base), seconds, clock
        self._authorised = False
        self._asks_from = clock()

    def authorised(self) -> bool:
        """Whether the user has authorised questions, as far as is known now."""
        self._ask(lambda: None)
        return self._authorised

    def file(self, file_id: str) -> Told | None:
        """What Drive says of the file with this id."""

        def ask() -> Told:
            query = "fields=md5Checksum,size,trashed&supportsAllDrives=true"
            answer = self._get(f"files/{quote(file_id, safe='')}?{query}")
            return Told(int(answer["size"]), str(answer["md5Checksum"]), bool(answer["trashed"]))

        return self._ask(ask)

    def free_bytes(self) -> int | None:
        """How much the account may still hold; None also where it has no limit."""

        def ask() -> int | None:
            quota = self._get("about?fields=storageQuota")["storageQuota"]
            return max(0, int(quota["limit"]) - int(quota["usage"])) if "limit" in quota else None

        return self._ask(ask)

    def _ask(self, question: Callable[[], T]) -> T | None:
        """The answer to a question, if anybody authorised it."""
        if self.clock() < self._asks_from:
            return None

        def ask() -> T | None:
            self._bearer = self._token()
            self._authorised = self._bearer is not None
            return question() if self._authorised else None

        try:
            answer = _within(self._seconds, ask)
        except TimeoutError:
            self.trouble = f"no answer within {self._seconds:g} s"
        except (
            OSError,
            HTTPException,
            RuntimeError,
        ) as error:  # the last: on 3.12 a process that ends starts no thread
            self.trouble = str(error) or type(error).__name__
        except (LookupError, TypeError, ValueError):
            self.trouble = "an answer without what was asked for"
        else:
            if self._authorised:
                self.trouble = "" if answer is not None else self.trouble
                return answer
        self._asks_from = self.clock() + REST_SECONDS
        return None

    def _get(self, path: str) -> Any:
        kind = HTTPSConnection if self._base.scheme == "https" else HTTPConnection
        connection = kind(self._base.netloc, timeout=self._seconds)  # follows no redirects: the token is for this host
        try:
            connection.request("GET", f"{self._base.path}/{path}", headers={"Authorization": f"Bearer {self._bearer}"})
            with connection.getresponse() as response:
                text = response.read(ANSWER_BYTES)
            if response.status != 200:
                raise OSError(f"it answered {response.status} {response.reason}")
            return json.loads(text)
        finally:
            connection.close()


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What a call gives or raises; TimeoutError where that takes longer. Looking up a name knows no time limit."""
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised to who waits
            future.set_exception(error)

    threading.Thread(target=run, name="colab_guard-drive-api", daemon=True).start()
    return future.result(seconds)
