"""Why a row has no value, as the JSON that leaves the worker beside it."""

import gc
import json
import os
import traceback
from dataclasses import dataclass
from typing import Optional

WRONG_LENGTH = "WRONG_LENGTH"
MAX_MESSAGE = 1_000
MAX_TRACE = 4_000
_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class InvalidOutput(Exception):
    """What a function returned is not what its output type and its input ask for."""


class WrongLength(InvalidOutput):
    """A function returned more or fewer values than it got rows.

    That says nothing about a single row: what such a function computes of fewer rows may have the right
    number and be wrong all the same, a mean for instance.
    """


class TimedOut(Exception):
    """A call took longer than row_timeout."""


@dataclass(frozen=True)
class Failure:
    """A failure as text: the exception itself would keep the memory of its frames alive."""

    code: str
    type: str
    message: str
    trace: str
    out_of_memory: bool = False

    def json(self, attempt: int) -> str:
        return json.dumps(
            {
                "code": self.code,
                "type": self.type,
                "message": self.message,
                "trace": self.trace,
                "attempt": attempt,
            }
        )

    @property
    def limits_size(self) -> bool:
        """Whether fewer rows at a time may do what more could not."""
        return self.out_of_memory or self.code == "ROW_TIMEOUT"


def of(raised: BaseException) -> Failure:
    """Describes what a call raised."""
    if isinstance(raised, WrongLength):
        return Failure(WRONG_LENGTH, "InvalidOutput", _text(raised), "")
    if isinstance(raised, InvalidOutput):
        return Failure("INVALID_OUTPUT", "InvalidOutput", _text(raised), "")
    if isinstance(raised, TimedOut):
        return Failure("ROW_TIMEOUT", "TimeoutError", _text(raised), "")
    message = _text(raised)
    lowered = message.lower()
    memory = (
        isinstance(raised, MemoryError)
        or "OutOfMemory" in type(raised).__name__
        or "out of memory" in lowered
        or "cannot allocate memory" in lowered
    )
    failure = Failure("FUNCTION_RAISED", _name(type(raised)), message, _trace(raised), memory)
    if memory:
        traceback.clear_frames(raised.__traceback__)
        gc.collect()
    return failure


def _name(kind: type) -> str:
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return "%s.%s" % (kind.__module__, kind.__qualname__)


def _text(raised: BaseException) -> str:
    try:
        text = str(raised)
    except Exception as e:
        text = "(its text cannot be made: %s)" % type(e).__name__
    # What is no valid UTF-8, as lone surrogates, could not be written to a table.
    return text.encode("utf-8", "replace").decode("utf-8")[:MAX_MESSAGE]


def _trace(raised: BaseException) -> str:
    try:
        told = traceback.TracebackException.from_exception(raised)
        _keep_users(told, set())
        text = "".join(told.format())
    except Exception as e:
        return "(its trace cannot be made: %s)" % type(e).__name__
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= MAX_TRACE:
        return text
    # Where it began and where it ended.
    head, gap = MAX_TRACE // 4, "\n  ...\n"
    return text[:head] + gap + text[len(text) - (MAX_TRACE - head - len(gap)) :]


def _keep_users(told: Optional[traceback.TracebackException], seen: "set[int]") -> None:
    """Leaves out the frames of this package, which say nothing about the function."""
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if not frame.filename.startswith(_OWN_FOLDER)]
    )
    _keep_users(told.__cause__, seen)
    _keep_users(told.__context__, seen)
