"""What callers give of a wrong kind, told before anything is done."""

from typing import Any, List

from ..errors import BackfillError


def wrong(call: str, takes: str, got: Any) -> BackfillError:
    """An error for one argument: ``preview takes a limit of 0 or more rows, and got -1.``"""
    shown = repr(got)
    shown = shown if len(shown) <= 100 else shown[:97] + "..."
    return BackfillError(
        "INVALID_ARGUMENT", "%s takes %s, and got %s." % (call, takes, shown), "Give that."
    )


def of_kind(kind: type, call: str, takes: str, got: Any) -> None:
    """Raises BackfillError if it is of another kind."""
    if not isinstance(got, kind):
        raise wrong(call, takes, got)


def names(call: str, takes: str, got: Any) -> List[str]:
    """One name, or those of a list. Raises BackfillError if it is neither."""
    try:
        found = [got] if isinstance(got, str) else list(got)
    except TypeError:
        raise wrong(call, takes, got) from None
    if not all(isinstance(one, str) for one in found):
        raise wrong(call, takes, got)
    return found
