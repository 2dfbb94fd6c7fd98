"""Calls that may take so long and no longer."""

import queue
import signal
import threading
from typing import Any, Callable, Optional, Protocol, Tuple

from .failures import TimedOut


class _Alarm(BaseException):
    """Raised in the function by the timer; no Exception, so that the function's own handlers for
    those let it through."""


class Limit(Protocol):
    """How long a call may take."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function returns or raises; TimedOut if it takes too long."""


class NoLimit:
    """Calls take as long as they take."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


class AlarmLimit:
    """Interrupts calls in the main thread, by a timer of the process.

    It cannot interrupt code in C that neither returns to Python nor looks for signals (a long matrix
    product, a lock of a C library), nor a call that catches BaseException again and again: the timer
    fires once more after each row_timeout, and the rest is the driver's, which ends the worker.
    ``time.sleep``, sockets, locks of ``threading`` and loops in Python are interrupted.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._armed = False
        signal.signal(signal.SIGALRM, self._fire)

    def _fire(self, *_: Any) -> None:
        # A signal that came before the timer was stopped may be told after.
        if self._armed:
            raise _Alarm()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            try:
                self._armed = True
                signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)
                return function(*arguments)
            finally:
                self._armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except _Alarm:
            raise _timed_out(self._name, self._seconds) from None


class AbandoningLimit:
    """Leaves calls that take too long to themselves: for threads that no signal reaches.

    The call goes on in a thread of its own until it ends, and its result is dropped. ``abandoned`` is
    told, so that what that thread still uses can be replaced. One for each calling thread.
    """

    def __init__(
        self, name: str, seconds: float, abandoned: Optional[Callable[[], None]] = None
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._abandoned = abandoned
        self._runner: Optional[_Runner] = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        runner = self._runner
        if runner is None:
            runner = self._runner = _Runner()
        runner.calls.put((function, arguments))
        try:
            returned, raised = runner.results.get(timeout=self._seconds)
        except queue.Empty:
            self._runner = None
            runner.calls.put(None)
            if self._abandoned is not None:
                self._abandoned()
            raise _timed_out(self._name, self._seconds) from None
        if raised is not None:
            raise raised
        return returned

    def close(self) -> None:
        if self._runner is not None:
            self._runner.calls.put(None)
            self._runner = None


class _Runner:
    """A thread that makes one call after the other, until it is told None."""

    def __init__(self) -> None:
        self.calls: "queue.SimpleQueue[Optional[Tuple[Callable[..., Any], Any]]]" = (
            queue.SimpleQueue()
        )
        self.results: "queue.SimpleQueue[Tuple[Any, Optional[BaseException]]]" = queue.SimpleQueue()
        threading.Thread(target=self._run, name="lance-backfill-call", daemon=True).start()

    def _run(self) -> None:
        while True:
            call = self.calls.get()
            if call is None:
                return
            function, arguments = call
            try:
                self.results.put((function(*arguments), None))
            except BaseException as e:
                self.results.put((None, e))
            del call, function, arguments


def _timed_out(name: str, seconds: float) -> TimedOut:
    return TimedOut(
        "A call of '%s' took longer than row_timeout, %d ms." % (name, round(seconds * 1000))
    )
