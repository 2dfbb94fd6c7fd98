"""Options that hold for several calls."""

import threading
from typing import Any, Dict, Generic, List, TypeVar

T = TypeVar("T")


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

    def remove(self, context: "Context[Any]") -> None:
        with self._lock:
            if context in self._contexts:
                self._contexts.remove(context)


class Context(Generic[T]):
    """Options for all backfills of a database while it is entered: in a ``with`` block, or from ``enter()``
    in one cell of a notebook to ``exit()`` in another. It holds for all threads of the process."""

    def __init__(self, database: T, entered: Entered, options: Dict[str, Any]) -> None:
        self.options = options
        self._database = database
        self._entered = entered

    def enter(self) -> T:
        """Begins it; a second time changes nothing."""
        self._entered.remove(self)
        self._entered.add(self)
        return self._database

    def exit(self) -> None:
        """Ends it; a second time changes nothing."""
        self._entered.remove(self)

    def __enter__(self) -> T:
        return self.enter()

    def __exit__(self, *exception: object) -> None:
        self.exit()

    def __repr__(self) -> str:
        return "Context(%s)" % ", ".join("%s=%r" % item for item in self.options.items())
