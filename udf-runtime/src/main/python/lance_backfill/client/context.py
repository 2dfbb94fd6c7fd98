"""A cluster, a manifest and other options that hold for several calls, and the executors that came for them."""

import difflib
import threading
from typing import Any, Callable, Dict, Generic, List, Mapping, Optional, Set, TypeVar

from ..errors import BackfillError, Faults
from . import given
from .calls import Calls

T = TypeVar("T")

_MODES = ("delete", "retain", "retain_on_failure")

# Of a backfill, but job_id: that is one job's.
OPTIONS = (
    "where",
    "recompute",
    "recompute_unknown",
    "max_fragments",
    "read_version",
    "dry_run",
    "concurrency",
    "batch_size",
    "batch_order",
    "intra_applier_concurrency",
    "num_cpus",
    "num_gpus",
    "memory",
    "cluster",
    "worker_group",
    "admission_timeout",
    "manifest",
    "checkpoint_interval",
    "commit_granularity",
    "commit_interval",
    "on_error",
    "retry_on",
    "max_failed_rows",
    "max_failed_fraction",
    "row_timeout",
    "ready_tag",
    "attach",
)


class Entered:
    """The contexts of a database that are entered, in their order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: List["Context[Any]"] = []

    def get(self) -> Dict[str, Any]:
        """All their options; those of the last one win."""
        merged: Dict[str, Any] = {}
        with self._lock:
            for context in self._contexts:
                merged.update(context.options)
        return merged

    def add(self, context: "Context[Any]") -> None:
        with self._lock:
            self._contexts.append(context)

    def remove(self, context: "Context[Any]") -> bool:
        with self._lock:
            if context not in self._contexts:
                return False
            self._contexts.remove(context)
            return True

    def running(self, run: Callable[[], T]) -> T:
        """Runs a backfill; the contexts that are entered hear of its failure."""
        with self._lock:
            contexts = list(self._contexts)
        try:
            return run()
        except BaseException:
            for context in contexts:
                context.failed = True
            raise


class Context(Generic[T]):
    """Options for all backfills of a database while it is entered: in a ``with`` block, or from ``enter()``
    in one cell of a notebook to ``exit()`` in another. It holds for all threads of the process."""

    def __init__(
        self,
        database: T,
        calls: Calls,
        entered: Entered,
        options: Mapping[str, Any],
        executors: Optional[int] = None,
        on_exit: str = "delete",
    ) -> None:
        faults = Faults()
        if on_exit not in _MODES:
            faults.add(
                "INVALID_ARGUMENT", "on_exit is %r." % (on_exit,), "Give one of %s." % ", ".join(_MODES)
            )
        for name in options:
            if name not in OPTIONS:
                close = difflib.get_close_matches(name, OPTIONS, 1)
                meant = " Did you mean '%s'?" % close[0] if close else ""
                faults.add(
                    "UNKNOWN_ARGUMENT",
                    "context has no argument '%s'.%s" % (name, meant),
                    "It takes executors, on_exit, and of backfill's options: %s." % ", ".join(OPTIONS),
                )
        number = isinstance(executors, int) and not isinstance(executors, bool)
        if executors is not None and (not number or executors < 1):
            faults.extend(given.wrong("context", "a number of executors, 1 or more", executors))
        faults.check()
        self.options = dict(options)
        self.on_exit = on_exit
        self.failed = False
        self._database = database
        self._calls = calls
        self._entered = entered
        self._executors = executors
        self._before: Set[str] = set()

    def enter(self) -> T:
        """Begins it; a second time changes nothing. With ``executors`` it returns when they are there.

        Raises BackfillError CLUSTER_NOT_FOUND or MANIFEST_NOT_FOUND, and what keeps executors from coming.
        """
        if self._entered.remove(self):
            self._entered.add(self)
            return self._database
        self.failed = False
        self._check_names()
        self._before = self._ids()
        if self._executors is not None:
            warmed = ("cluster", "worker_group", "manifest", "num_cpus", "num_gpus", "memory")
            needs = {name: value for name, value in self.options.items() if name in warmed}
            for name in {"num_cpus", "num_gpus"} & needs.keys():
                needs[name] = float(needs[name])
            try:
                self._calls.rows("warm_up", {**needs, "executors": self._executors})
            except BackfillError:
                self._release()
                raise
        self._entered.add(self)
        return self._database

    def _check_names(self) -> None:
        faults = Faults()
        for what in ("cluster", "manifest"):
            name = self.options.get(what)
            if name is None:
                continue
            known = [row["name"] for row in self._calls.rows(what + "s", {})]
            if name not in known:
                faults.add(
                    what.upper() + "_NOT_FOUND",
                    "No %s %r is defined in this catalog. Defined are: %s."
                    % (what, name, ", ".join(known) or "none"),
                    "Name one of them, or define it: define_%s(...)." % what,
                )
        faults.check()

    def exit(self) -> None:
        """Ends it, and idle executors as ``on_exit`` says; a second time changes nothing."""
        if self._entered.remove(self):
            if self.on_exit == "delete" or (self.on_exit == "retain_on_failure" and not self.failed):
                self._release()

    def _ids(self) -> Set[str]:
        return {row["executor"] for row in self._calls.rows("executors", {})}

    def _release(self) -> None:
        self._calls.rows("release_executors", {"keep": ",".join(sorted(self._before))})

    def __enter__(self) -> T:
        return self.enter()

    def __exit__(self, kind: Any, *exception: object) -> None:
        if kind is not None:
            self.failed = True
        self.exit()

    def __repr__(self) -> str:
        shown = ["%s=%r" % item for item in self.options.items()]
        return "Context(%s)" % ", ".join([*shown, "on_exit=%r" % self.on_exit])
