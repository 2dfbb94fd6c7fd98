"""What runs in Spark's Python workers: stored functions on Arrow batches, errors by row.

Only the standard library, pyarrow and this package are imported here.
"""

from typing import Callable, Iterator

import pyarrow as pa

from .loading import WorkerFault
from .spec import parse
from .task import Task

__all__ = ["WorkerFault", "ready", "start"]


def start(spec_json: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function from batches of arguments to batches of ``value`` and ``error``.

    Spark's worker calls it for one task. For each input batch, in order, come one or more batches
    that have its rows together: ``value`` is the output type exactly, ``error`` NULL or JSON. Under
    ``on_error`` fail the output ends with the first row that fails; under any, with the first row of a
    batch for which the function returned another number of values (WRONG_LENGTH).

    ``row_timeout`` limits one call of the function, on however many rows: a batch that takes longer is
    halved, and a row alone that does fails with ROW_TIMEOUT. See ``limits`` for what cannot be
    interrupted.

    Raises WorkerFault, when the output is read, if the function cannot be loaded here.
    """
    spec = parse(spec_json)
    return lambda batches: Task(spec).run(batches)


def ready() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function that gives nothing: a worker that has run it has loaded what all functions need."""

    def nothing(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            pass
        yield from ()

    return nothing
