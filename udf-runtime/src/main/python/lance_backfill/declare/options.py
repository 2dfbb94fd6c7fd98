"""Options of functions, checked when they are declared."""

import datetime
import re
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ..errors import Faults

_DURATION = re.compile(
    r"\s*(\d+\s*(ns|us|ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)|P[0-9DTHMS.]+)\s*"
)
_SIZE = re.compile(r"\s*[1-9]\d*\s*(b|k|kb|m|mb|g|gb|t|tb)\s*", re.IGNORECASE)
_ON_ERROR = re.compile(r"\s*(fail|null|retry\s*\([^)]*\)(\s*,\s*(fail|null))?)\s*")


def duration(value: Any) -> Optional[str]:
    """A duration as Java reads it; None if it is none."""
    if isinstance(value, datetime.timedelta):
        milliseconds = round(value.total_seconds() * 1000)
        return "%dms" % milliseconds if milliseconds > 0 else None
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return value.strip()
    return None


def _count(value: Any) -> Optional[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        return None
    return str(value)


def _number(least: float, or_more: bool) -> Callable[[Any], Optional[str]]:
    def read(value: Any) -> Optional[str]:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return repr(value) if value > least or (or_more and value == least) else None

    return read


def _size(value: Any) -> Optional[str]:
    if isinstance(value, str) and _SIZE.fullmatch(value):
        return value.strip().lower()
    return _count(value) and "%sb" % value


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value.strip() else None


def _on_error(value: Any) -> Optional[str]:
    return value.strip() if isinstance(value, str) and _ON_ERROR.fullmatch(value) else None


def _order(value: Any) -> Optional[str]:
    return value if value in ("auto", "row") else None


def _flag(value: Any) -> Optional[str]:
    return str(value).lower() if isinstance(value, bool) else None


# Name: how it is read as text (None: it cannot be that), and what it must be.
_OPTIONS: Dict[str, Tuple[Callable[[Any], Optional[str]], str]] = {
    "batch_size": (_count, "an integer of 1 or more"),
    "batch_order": (_order, "'auto' or 'row'"),
    "version": (_text, "a string that is not blank"),
    "on_error": (_on_error, "'fail', 'null', 'retry(3)' or 'retry(3, 100ms), null'"),
    "row_timeout": (duration, "a duration such as '5s' or a timedelta"),
    "intra_applier_concurrency": (_count, "an integer of 1 or more"),
    "thread_safe": (_flag, "True or False"),
    "num_cpus": (_number(0, False), "a number over 0"),
    "num_gpus": (_number(0, True), "a number of 0 or more"),
    "memory": (_size, "a size such as '2g' or '512m', or a number of bytes"),
}


def checked(given: Mapping[str, Any], name: str, faults: Faults) -> Dict[str, str]:
    """Options as text, without those that are None. Adds what is wrong with the others."""
    options = {}
    for option, value in given.items():
        if value is None:
            continue
        read, must_be = _OPTIONS[option]
        text = read(value)
        if text is None:
            faults.add(
                "INVALID_OPTION",
                "Option '%s' of function '%s' is %r, and must be %s." % (option, name, value, must_be),
                "Change it, or leave it out.",
            )
        else:
            options[option] = text
    return options
