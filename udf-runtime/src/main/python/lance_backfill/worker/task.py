"""One task: from batches of arguments to batches of values and errors."""

import abc
import collections
import concurrent.futures
import itertools
import threading
import time
from typing import Any, Deque, Dict, Iterator, List, Optional

import pyarrow as pa

from . import lengths, loading
from .calls import Calls, rows_of
from .isolation import Answer, Isolation
from .limits import AbandoningLimit, AlarmLimit, Limit, NoLimit
from .sizes import TARGET_S, BatchSizes
from .spec import ERROR_FIELD, Spec

_NO_ERRORS = [pa.nulls(4096, pa.utf8())]


class Task:
    """Runs one function over the batches of one task."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._schema = spec.schema
        self._sizes = BatchSizes(
            spec.hash, 1 if spec.single else spec.batch_size, spec.checkpoint_interval_s
        )

    def run(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        threads = 1 if self._spec.single else self._spec.threads
        began, clock = time.time(), time.perf_counter()
        if threads > 1:
            answers: Any = _Threads(self._spec, self._sizes, threads)
        else:
            answers = _Alone(self._spec, self._sizes)
        told = {"lance_backfill.loaded": "%.6f,%.6f" % (began, time.perf_counter() - clock)}
        self._schema = self._spec.schema.set(1, ERROR_FIELD.with_metadata(told))
        # Spark's workers keep the end of what they write in a buffer, until more is written: a batch
        # of no rows pushes it out, so that an answer is on its way while the next one is made.
        push = self._told(Answer())
        try:
            # Says that the function is loaded: what kills the worker from here on is a row.
            yield push
            yield push
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
            loading.used(self._spec)

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
        return pa.RecordBatch.from_arrays([values, errors], schema=self._schema)


def _no_errors(rows: int) -> pa.Array:
    if len(_NO_ERRORS[0]) < rows:
        _NO_ERRORS[0] = pa.nulls(2 * rows, pa.utf8())
    return _NO_ERRORS[0].slice(0, rows)


class _Batches(abc.ABC):
    """Cuts batches into calls, in the order of their rows or by their lengths."""

    def __init__(self, spec: Spec, sizes: BatchSizes) -> None:
        self._spec = spec
        self._sizes = sizes

    @abc.abstractmethod
    def answers(self, cuts: Iterator[pa.RecordBatch]) -> Iterator[Answer]:
        """An answer for each cut, in their order."""

    def of(self, batch: pa.RecordBatch) -> Iterator[Answer]:
        """Answers that have the rows of a batch together, in order."""
        known: Any = lengths.of_rows(batch) if self._spec.by_length else None
        ordered = known is not None and lengths.vary(known, self._sizes.rows())
        offset = 0
        while offset < batch.num_rows:
            end = batch.num_rows
            if ordered:
                window = batch.slice(offset, self._sizes.window())
                end = offset + window.num_rows
                answer = self._by_length(window, known[offset:end])
                if answer is not None:
                    yield answer
                    offset = end
                    continue
            for answer in self.answers(self._cuts(batch, offset, end)):
                # Halving and its failures take time that says nothing about good batches.
                if not answer.errors and len(answer.arrays) == 1:
                    self._sizes.record(answer.rows, answer.seconds, answer.arrays[0].nbytes)
                yield answer
                offset += answer.rows

    def _cuts(self, batch: pa.RecordBatch, start: int, end: int) -> Iterator[pa.RecordBatch]:
        """Cuts that begin before the end."""
        while start < end:
            cut = batch.slice(start, self._sizes.rows())
            yield cut
            start += cut.num_rows

    def _by_length(self, window: pa.RecordBatch, known: Any) -> Optional[Answer]:
        """None if the rows are to be computed in their order."""
        rows = self._sizes.rows()
        plan = lengths.by_length(window, known, rows)
        if plan is None:
            return None
        answers = []
        for answer in self.answers(plan.cuts()):
            if answer.stopped:
                # Which row is the first that fails, their order tells; this one ends the job anyway.
                return None
            answers.append(answer)
        whole = plan.in_row_order(answers)
        if not whole.errors and all(len(answer.arrays) == 1 for answer in answers):
            size = sum(answer.arrays[0].nbytes for answer in answers)
            self._sizes.record(
                rows, whole.seconds * rows / whole.rows, size * rows // max(1, whole.rows)
            )
        return whole


class _Alone(_Batches):
    """The thread that reads also calls the function."""

    def __init__(self, spec: Spec, sizes: BatchSizes) -> None:
        super().__init__(spec, sizes)
        self._limit: Limit = NoLimit()
        if spec.row_timeout_s > 0:
            if threading.current_thread() is threading.main_thread():
                self._limit = AlarmLimit(spec.name, spec.row_timeout_s)
            else:
                self._limit = AbandoningLimit(
                    spec.name, spec.row_timeout_s, lambda: loading.discard(spec, 0)
                )
        loading.load(spec)
        self._isolation = Isolation(spec, sizes, self._calls)

    def _calls(self) -> Calls:
        spec = self._spec
        return Calls(loading.load(spec), spec.style, spec.output, spec.name, self._limit)

    def answers(self, cuts: Iterator[pa.RecordBatch]) -> Iterator[Answer]:
        return map(self._isolation.answer, cuts)

    def close(self) -> None:
        if isinstance(self._limit, AbandoningLimit):
            self._limit.close()


class _Threads(_Batches):
    """Several threads call the function: on rows, or on cuts of a batch. Answers keep their order.

    One instance serves all threads, or each has its own if the function is not thread-safe. Calls
    are in the air within one input batch only, so that no answer waits for input.
    """

    def __init__(self, spec: Spec, sizes: BatchSizes, threads: int) -> None:
        super().__init__(spec, sizes)
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
        return self._rows(batch) if self._spec.style == "scalar" else super().of(batch)

    def answers(self, cuts: Iterator[pa.RecordBatch]) -> Iterator[Answer]:
        running: Deque["concurrent.futures.Future[Answer]"] = collections.deque()
        for cut in cuts:
            running.append(self._pool.submit(self._isolation.answer, cut))
            if len(running) == self._threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

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


