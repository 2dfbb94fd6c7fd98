"""Names that a notebook completes."""

import difflib
from typing import Callable, Iterator, List, Sequence


class Names:
    """Names as attributes and as keys; each gives itself: ``table.columns.embedding`` is 'embedding'.

    They are asked for each time, so they are those of now. Tab completes both. A name that is no identifier, or that begins with ``_``, is a key only.
    """

    def __init__(self, what: str, fetch: Callable[[], Sequence[str]]) -> None:
        self._what = what
        self._fetch = fetch

    def __getitem__(self, name: str) -> str:
        names = self._fetch()
        if name not in names:
            raise KeyError(self._missing(name, names))
        return name

    def __getattr__(self, name: str) -> str:
        # What begins so is asked for by Python, IPython and copy.
        if name.startswith("_"):
            raise AttributeError(name)
        names = self._fetch()
        if name not in names:
            raise AttributeError(self._missing(name, names))
        return name

    def _missing(self, name: str, names: Sequence[str]) -> str:
        close = difflib.get_close_matches(name, names, 1)
        hint = "Did you mean '%s'?" % close[0] if close else "There are: %s." % ", ".join(names)
        return "There is no %s '%s'. %s" % (self._what, name, hint)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fetch())

    def __len__(self) -> int:
        return len(self._fetch())

    def __contains__(self, name: object) -> bool:
        return name in self._fetch()

    def __dir__(self) -> List[str]:
        return [name for name in self._fetch() if name.isidentifier() and not name.startswith("_")]

    def _ipython_key_completions_(self) -> List[str]:
        return list(self._fetch())

    def __repr__(self) -> str:
        return repr(list(self._fetch()))
