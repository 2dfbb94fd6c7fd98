"""How many rows the function gets at a time."""

from typing import Dict, Optional

FIRST = 32
TARGET_S = 0.25
_MAX_ROWS = 1 << 20
# Of the values that leave together: they are in memory here and in the task.
_MAX_BYTES = 8 << 20
# Calls whose rows are ordered together: enough of them that few are padded much.
_WINDOW_CALLS = 8

# By function, for the life of the process: each task goes on with what others learned.
_LEARNED: Dict[str, int] = {}
_ROW_S: Dict[str, float] = {}
_ROW_BYTES: Dict[str, float] = {}


class BatchSizes:
    """Sizes for one task: given, or following the function's speed, and never above a safe one.

    Adaptive sizes begin small and at most double until a batch takes the target time; a slower batch
    shrinks the next one at once.
    """

    def __init__(self, function: str, fixed: int, checkpoint_interval_s: float) -> None:
        self._function = function
        self._fixed = fixed
        self._target = max(0.001, min(TARGET_S, checkpoint_interval_s / 4))
        self._window_s = checkpoint_interval_s / 2
        self._safe: Optional[int] = None

    def rows(self) -> int:
        """The most rows of the next batch, at least 1."""
        rows = self._fixed
        if rows <= 0:
            rows = min(_LEARNED.get(self._function, FIRST), self._fitting())
        return rows if self._safe is None else min(rows, self._safe)

    def window(self) -> int:
        """The most rows that may be computed before the first of them is answered; one batch as long as
        the function's speed is not known."""
        rows = self.rows()
        row_s = _ROW_S.get(self._function)
        if row_s is None:
            return rows
        most = min(_WINDOW_CALLS * rows, int(self._window_s / max(1e-9, row_s)), self._fitting())
        return max(rows, most)

    def _fitting(self) -> int:
        """How many rows' values may leave together."""
        return max(1, int(_MAX_BYTES / max(1.0, _ROW_BYTES.get(self._function, 1.0))))

    def record(self, rows: int, seconds: float, size: int) -> None:
        """Learns from a batch, of at least one row, none of which failed, and the bytes of its values."""
        _ROW_S[self._function] = seconds / rows
        _ROW_BYTES[self._function] = size / rows
        adaptive = _LEARNED.get(self._function, FIRST)
        fitting = self._target / max(1e-9, seconds / rows)
        if seconds > self._target:
            _LEARNED[self._function] = max(1, min(adaptive, int(fitting)))
        elif rows >= adaptive:
            # A smaller batch (the end of an input) says too little about a larger one.
            _LEARNED[self._function] = int(min(fitting, 2 * adaptive, _MAX_ROWS))

    def limit(self, safe: int) -> None:
        """Keeps batches at a size that did not fail where a larger one ran out of memory or time."""
        self._safe = max(1, safe if self._safe is None else min(self._safe, safe))
