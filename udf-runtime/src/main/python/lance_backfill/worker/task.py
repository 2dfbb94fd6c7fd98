"""One task: from batches of arguments to batches of values and errors."""

import collections
import concurrent.futures
import itertools
import threading
import time
from typing import Any, Deque, Dict, Iterator, List

import pyarrow as pa

from . import loading
from .calls import Calls, rows_of
from .isolation import Answer, Isolation
from .limits import AbandoningLimit, AlarmLimit, Limit, NoLimit
from .sizes import TARGET_S, BatchSizes
from .spec import Spec

_NO_ERRORS = [pa.nulls(4096, pa.utf8())]


class Task:
    """Runs one function over the batches of one task."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._sizes = BatchSizes(
            spec.hash, 1 if spec.single else spec.batch_size, spec.checkpoint_interval_s
        )

    def run(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        threads = 1 if self._spec.single else self._spec.threads
        if threads > 1:
            answers: Any = _Threads(self._spec, self._sizes, threads)
        else:
            answers = _Alone(self._spec, self._sizes)
        # Spark's workers keep the end of what they write in a buffer, until more is written: a batch
        # of no rows pushes it out, so that an answer is on its way while the next one is made.
        push = self._told(Answer())
        try:
            for batch in batches:
                if batch.num_rows == 0:
                    yield push
                    continue
                for answer in answers.of(batch):
                    yield self._told(answer)
                    yield push
                    if answer.stopped:
                        return
        finally:
            answers.close()

    def _told(self, answer: Answer) -> pa.RecordBatch:
        arrays = answer.arrays
        if len(arrays) == 1:
            values = arrays[0]
        else:
            values = pa.concat_arrays(arrays) if arrays else pa.nulls(0, self._spec.output)
        if answer.errors:
            errors = pa.array([answer.errors.get(i) for i in range(answer.rows)], pa.utf8())
        else:
            errors = _no_errors(answer.rows)
        return pa.RecordBatch.from_arrays([values, errors], schema=self._spec.schema)


def _no_errors(rows: int) -> pa.Array:
    if len(_NO_ERRORS[0]) < rows:
        _NO_ERRORS[0] = pa.nulls(2 * rows, pa.utf8())
    return _NO_ERRORS[0].slice(0, rows)


class _Alone:
    """The thread that reads also calls the function."""

    def __init__(self, spec: Spec, sizes: BatchSizes) -> None:
        self._sizes = sizes
        self._limit: Limit = NoLimit()
        if spec.row_timeout_s > 0:
            if threading.current_thread() is threading.main_thread():
                self._limit = AlarmLimit(spec.name, spec.row_timeout_s)
            else:
                self._limit = AbandoningLimit(
                    spec.name, spec.row_timeout_s, lambda: loading.discard(spec, 0)
                )
        self._spec = spec
        loading.load(spec)
        self._isolation = Isolation(spec, sizes, self._calls)

    def _calls(self) -> Calls:
        spec = self._spec
        return Calls(loading.load(spec), spec.style, spec.output, spec.name, self._limit)

    def of(self, batch: pa.RecordBatch) -> Iterator[Answer]:
        offset = 0
        while offset < batch.num_rows:
            cut = batch.slice(offset, self._sizes.rows())
            answer = self._isolation.answer(cut)
            _learn(self._sizes, answer)
            yield answer
            offset += cut.num_rows

    def close(self) -> None:
        if isinstance(self._limit, AbandoningLimit):
            self._limit.close()


def _learn(sizes: BatchSizes, answer: Answer) -> None:
    # Halving and its failures take time that says nothing about good batches.
    if not answer.errors and len(answer.arrays) == 1:
        sizes.record(answer.rows, answer.seconds)


class _Threads:
    """Several threads call the function: on rows, or on cuts of a batch. Answers keep their order.

    One instance serves all threads, or each has its own if the function is not thread-safe. Calls
    are in the air within one input batch only, so that no answer waits for input.
    """

    def __init__(self, spec: Spec, sizes: BatchSizes, threads: int) -> None:
        self._spec = spec
        self._sizes = sizes
        self._threads = threads
        self._isolation = Isolation(spec, sizes, self._calls)
        self._local = threading.local()
        self._numbers = itertools.count(1)
        self._limits: List[AbandoningLimit] = []
        self._function = loading.load(spec, 0 if spec.thread_safe else 1)
        self._pool = concurrent.futures.ThreadPoolExecutor(
            threads, "lance-backfill", initializer=self._begin
        )

    def _begin(self) -> None:
        spec, local = self._spec, self._local
        local.number = 0 if spec.thread_safe else next(self._numbers)
        if spec.row_timeout_s > 0:
            abandoned = None if spec.thread_safe else self._discard
            local.limit = AbandoningLimit(spec.name, spec.row_timeout_s, abandoned)
            self._limits.append(local.limit)
        else:
            local.limit = NoLimit()

    def _discard(self) -> None:
        loading.discard(self._spec, self._local.number)

    def _calls(self) -> Calls:
        spec, local = self._spec, self._local
        function = loading.load(spec, local.number)
        return Calls(function, spec.style, spec.output, spec.name, local.limit)

    def of(self, batch: pa.RecordBatch) -> Iterator[Answer]:
        return self._rows(batch) if self._spec.style == "scalar" else self._cuts(batch)

    def _cuts(self, batch: pa.RecordBatch) -> Iterator[Answer]:
        running: Deque["concurrent.futures.Future[Answer]"] = collections.deque()
        offset = 0
        while offset < batch.num_rows or running:
            while offset < batch.num_rows and len(running) < self._threads:
                cut = batch.slice(offset, self._sizes.rows())
                running.append(self._pool.submit(self._isolation.answer, cut))
                offset += cut.num_rows
            answer = running.popleft().result()
            _learn(self._sizes, answer)
            yield answer

    def _rows(self, batch: pa.RecordBatch) -> Iterator[Answer]:
        rows = rows_of(self._function, batch)
        most = self._spec.batch_size or len(rows)
        running: Deque["concurrent.futures.Future[Any]"] = collections.deque()
        results: List[Any] = []
        errors: Dict[int, str] = {}
        told = time.perf_counter()
        submitted = 0
        while submitted < len(rows) or running:
            # One row waits for each thread, so that none is idle while this one collects.
            while submitted < len(rows) and len(running) < 2 * self._threads:
                running.append(self._pool.submit(self._isolation.row, rows[submitted]))
                submitted += 1
            result, error = running.popleft().result()
            if error is not None:
                errors[len(results)] = error
            results.append(result)
            stop = error is not None and self._spec.fail
            last = submitted == len(rows) and not running
            if stop or last or len(results) >= most or time.perf_counter() - told > TARGET_S:
                answer = Answer()
                self._isolation.collect(results, errors, answer)
                yield answer
                results, errors, told = [], {}, time.perf_counter()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for limit in self._limits:
            limit.close()


