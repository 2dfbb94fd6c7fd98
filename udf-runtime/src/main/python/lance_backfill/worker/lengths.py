"""Calls of rows of like lengths: models pad a batch to its longest text.

The rows of a window go longest first, in calls of which none is padded to more than those in row order
are on average. What comes back is put into row order again.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from .isolation import Answer

# What is padded of the row order's size at most; above, rows stay as they are.
_WORTH = 0.9


def _is_text(kind: pa.DataType) -> bool:
    return (
        t.is_string(kind)
        or t.is_large_string(kind)
        or t.is_binary(kind)
        or t.is_large_binary(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return t.is_list(kind) or t.is_large_list(kind)


def of_rows(batch: pa.RecordBatch) -> Any:
    """By row the length of the longest of its columns, in bytes or values, 0 for NULL: an array of
    NumPy. None if there is no column of text, bytes or lists of any length."""
    lengths = []
    for column in batch.columns:
        if _is_text(column.type):
            lengths.append(pc.binary_length(column))
        elif _is_list(column.type):
            lengths.append(pc.list_value_length(column))
    if not lengths:
        return None
    longest = lengths[0] if len(lengths) == 1 else pc.max_element_wise(*lengths)
    try:
        return pc.fill_null(longest, 0).to_numpy(zero_copy_only=False)
    except ImportError:
        return None  # Newer pyarrow does without NumPy.


class _Padded:
    """What rows that follow each other are padded to, in batches of ``rows``."""

    def __init__(self, lengths: Any, rows: int) -> None:
        import numpy

        starts = numpy.arange(0, len(lengths), rows)
        longest = numpy.maximum.reduceat(lengths, starts).astype(numpy.int64)
        self.average = rows * float(longest.mean())
        self.worth = _WORTH * float((longest * numpy.minimum(rows, len(lengths) - starts)).sum())


def vary(lengths: Any, rows: int) -> bool:
    """Whether another order of all these rows could save anything."""
    return rows > 1 and float(lengths.sum()) < _Padded(lengths, rows).worth


class ByLength:
    """A window in calls by length."""

    def __init__(self, window: pa.RecordBatch, order: pa.Array, calls: List[Tuple[int, int]]):
        self._rows = window.take(order)
        self._order = order
        self._calls = calls

    def cuts(self) -> Iterator[pa.RecordBatch]:
        for start, rows in self._calls:
            yield self._rows.slice(start, rows)

    def in_row_order(self, answers: List[Answer]) -> Answer:
        """One answer of those for all cuts, none of which stopped."""
        arrays: List[pa.Array] = []
        errors: Dict[int, str] = {}
        whole = Answer()
        for answer in answers:
            for row, error in answer.errors.items():
                errors[self._order[whole.rows + row].as_py()] = error
            arrays.extend(answer.arrays)
            whole.rows += answer.rows
            whole.seconds += answer.seconds
        whole.errors = errors
        whole.arrays = [pa.concat_arrays(arrays).take(pc.sort_indices(self._order))]
        return whole


def by_length(window: pa.RecordBatch, lengths: Any, rows: int) -> Optional[ByLength]:
    """The calls of a window whose rows have these lengths, of ``rows`` rows at most; None if those in row
    order pad hardly more."""
    if rows < 2 or window.num_rows <= rows:
        return None
    padded = _Padded(lengths, rows)
    order = (-lengths).argsort(kind="stable")
    ordered = lengths[order]
    calls: List[Tuple[int, int]] = []
    total = start = 0
    while start < len(ordered):
        length = max(1, int(ordered[start]))
        fitting = min(rows, max(1, int(padded.average / length)), len(ordered) - start)
        calls.append((start, fitting))
        total += length * fitting
        start += fitting
    return ByLength(window, pa.array(order), calls) if total < padded.worth else None
