"""What the libraries behind fsspec raise, as OSErrors that say what to do.

Those libraries agree on no exceptions: botocore's are none of OSError's, gcsfs has an HttpError with a code, s3fs turns
both a missing bucket and a missing name into FileNotFoundError. They are told by their codes and by the names of their
classes, so that none of these libraries has to be imported for it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from colab_guard.store.failures import ELSEWHERE, Advised

CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL where it is not Amazon's)",
    "gs": "On Colab, `from google.colab import auth; auth.authenticate_user()`; elsewhere, "
    "`gcloud auth application-default login`",
    "hf": "`import huggingface_hub; huggingface_hub.login()`, or set HF_TOKEN, with a token that may write",
}
OTHER_CREDENTIALS = "Give them as the library for this kind of URL takes them"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


class PastEnd(OSError):
    """Nothing is stored from the asked offset on."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One thing that goes wrong, by the codes of answers and the names of exceptions that tell of it."""

    errno: int
    reason: str
    advice: str  # "{credentials}" stands for how this kind of URL takes them
    codes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


# The first that fits: what is precise stands before what is broad.
REFUSALS = (
    _Refusal(
        errno.ENXIO,
        "there is no such bucket",
        f"Check its name, or make it: nobody else does, {ELSEWHERE}",
        codes=_set("NoSuchBucket"),
        names=_set("RepositoryNotFoundError BucketNotFoundError"),
    ),
    _Refusal(
        errno.EACCES,
        "no valid credentials were found",
        "{credentials}, then try again.",
        codes=_set("401 InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken"),
        names=_set(
            "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound NoAuthTokenError "
            "TokenRetrievalError DefaultCredentialsError RefreshError LocalTokenNotFoundError"
        ),
    ),
    _Refusal(
        errno.EEXIST,
        "that name is taken",
        "Try again.",
        codes=_set("PreconditionFailed 412"),
        names=_set("FileExistsError"),
    ),
    _Refusal(
        errno.ECONNABORTED,
        "an upload in parts was cut off",
        "Check the connection, then try again.",
        codes=_set("NoSuchUpload"),
    ),
    _Refusal(
        errno.EDQUOT,
        "the quota is used up",
        f"Free some of it, {ELSEWHERE}",
        codes=_set("QuotaExceeded InsufficientStorage XMinioStorageFull 507"),
    ),
    _Refusal(
        errno.EBUSY,
        "the store is too busy to answer (it said 503, slow down, or the like)",
        "Wait a minute, then try again; what was saved before is safe.",
        codes=_set(
            "SlowDown ServiceUnavailable RequestLimitExceeded Throttling ThrottlingException TooManyRequests "
            "InternalError OperationAborted ConditionalRequestConflict RequestTimeout "
            "408 409 429 500 502 503 504"
        ),
    ),
    _Refusal(
        errno.EACCES,
        "access denied",
        f"See to it that these credentials may list, read, write and delete there, {ELSEWHERE}",
        codes=_set("AccessDenied AllAccessDisabled AccountProblem 403"),
        names=_set("PermissionError GatedRepoError"),
    ),
    _Refusal(
        errno.ENOTSUP,
        "this kind of store can't do that",
        "Choose another one with --store.",
        codes=_set("NotImplemented 501"),
        names=_set("NotImplementedError"),
    ),
    _Refusal(
        errno.ETIMEDOUT,
        "no answer in time",
        "Check the connection, then try again.",
        names=_set("TimeoutError ConnectTimeoutError ReadTimeoutError Timeout TimeoutException"),
    ),
    _Refusal(
        errno.ECONNRESET,
        "the connection failed",
        "Check it, and the store's address, then try again.",
        names=_set(
            "ConnectionError HTTPClientError ConnectionClosedError ResponseStreamingError IncompleteRead "
            "IncompleteReadError ClientConnectionError ClientPayloadError ResponseParserError TransportError"
        ),
    ),
)
PAST_END = _set("InvalidRange 416")


def as_os_error(error: Exception, protocol: str) -> OSError:
    """What a library raised, as an OSError; FileNotFoundError, FileExistsError and PastEnd are what they say."""
    chain = list(_chain(error))
    codes = {code for one in chain for code in _codes(one)}
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if codes & PAST_END or "not satisfiable" in str(error):
        return PastEnd(errno.EINVAL, "nothing is stored from there on")
    for refusal in REFUSALS:
        if refusal.codes & codes or refusal.names & names:
            if refusal.errno == errno.EEXIST:
                return FileExistsError(errno.EEXIST, refusal.reason)
            advice = refusal.advice.format(credentials=CREDENTIALS.get(protocol, OTHER_CREDENTIALS))
            return Advised(refusal.errno, refusal.reason, advice)
    if isinstance(error, FileNotFoundError) or "404" in codes:
        return FileNotFoundError(errno.ENOENT, "there is no such name")
    if isinstance(error, OSError) and error.errno:
        return error
    if str(error).startswith("Forbidden"):  # what gcsfs makes of 403
        return as_os_error(PermissionError(), protocol)
    return Advised(errno.EIO, f"{type(error).__name__}: {error}", f"Check the store's address, {ELSEWHERE}")


def no_bucket() -> OSError:
    """What a put means that finds no such name."""
    return Advised(REFUSALS[0].errno, REFUSALS[0].reason, REFUSALS[0].advice)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _codes(error: BaseException) -> Iterator[str]:
    """The codes in an exception of botocore, gcsfs, requests, httpx or aiohttp."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield str(response.get("Error", {}).get("Code"))
        yield str(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    for holder in (error, response):
        for attribute in ("code", "status", "status_code"):
            yield str(getattr(holder, attribute, None))
