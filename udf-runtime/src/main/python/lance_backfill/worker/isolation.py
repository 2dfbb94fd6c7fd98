"""Finds the rows that fail: batches are halved until such a row is alone."""

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import pyarrow as pa

from . import conversion, failures
from .calls import Calls, rows_of
from .failures import Failure, InvalidOutput
from .sizes import BatchSizes
from .spec import Spec

# What ends the worker, and is never a row's failure: an interrupt, and the end of the task.
_ENDS = (KeyboardInterrupt, GeneratorExit)


class Answer:
    """Values of consecutive rows, and why some are NULL: JSON by the row's offset.

    Stopped answers end with a row that failed; no row after it was computed.
    """

    def __init__(self) -> None:
        self.arrays: List[pa.Array] = []
        self.errors: Dict[int, str] = {}
        self.rows = 0
        self.stopped = False
        self.seconds = 0.0
        self.largest = 0

    def add(self, values: pa.Array) -> None:
        self.arrays.append(values)
        self.rows += len(values)
        self.largest = max(self.largest, len(values))

    def fail(self, error: str, output: pa.DataType, stop: bool) -> None:
        self.errors[self.rows] = error
        self.arrays.append(pa.nulls(1, output))
        self.rows += 1
        self.stopped = stop


class Isolation:
    """Computes batches whatever their rows do."""

    def __init__(self, spec: Spec, sizes: BatchSizes, calls: Callable[[], Calls]) -> None:
        self._spec = spec
        self._sizes = sizes
        self._calls = calls

    def answer(self, batch: pa.RecordBatch) -> Answer:
        """Answers for the rows of a batch, in order; all of them, unless one fails and none may."""
        answer = Answer()
        begin = time.perf_counter()
        if self._spec.style == "scalar":
            self._rows(batch, answer)
        else:
            self._halve(batch, answer, whole=True)
        answer.seconds = time.perf_counter() - begin
        return answer

    # Batches

    def _halve(self, batch: pa.RecordBatch, answer: Answer, whole: bool) -> None:
        rows = batch.num_rows
        # Once for the batch as it came, and once for the row that is left.
        values, failure, attempt = self._attempts(batch, whole or rows == 1)
        if failure is None:
            answer.add(values)
            return
        if failure.code == failures.WRONG_LENGTH:
            answer.fail(failure.json(attempt), self._spec.output, stop=True)
            return
        if rows == 1:
            answer.fail(failure.json(attempt), self._spec.output, self._spec.fail)
            return
        failed, largest = len(answer.errors), answer.largest
        answer.largest = 0
        half = rows // 2
        self._halve(batch.slice(0, half), answer, whole=False)
        if not answer.stopped:
            self._halve(batch.slice(half), answer, whole=False)
        if failure.limits_size and len(answer.errors) == failed:
            # Fewer rows did what these could not, so no row of them is to blame.
            self._sizes.limit(answer.largest)
        answer.largest = max(answer.largest, largest)

    def _attempts(
        self, batch: pa.RecordBatch, may_retry: bool
    ) -> Tuple[Any, Optional[Failure], int]:
        attempt = 1
        while True:
            calls = self._calls()
            try:
                return calls.batch(batch), None, attempt
            except _ENDS:
                raise
            except BaseException as e:
                failure = failures.of(e)
            if not may_retry or not self._again(failure, attempt):
                return None, failure, attempt
            attempt += 1

    def _again(self, failure: Failure, attempt: int) -> bool:
        """Whether a failure is tried again; waits before."""
        retry = self._spec.retry
        if (
            retry is None
            or attempt > retry.times
            or failure.code == "INVALID_OUTPUT"
            or not retry.matches("%s: %s" % (failure.type, failure.message))
        ):
            return False
        time.sleep(min(60.0, retry.backoff_s * 2 ** (attempt - 1)))
        return True

    # Rows

    def _rows(self, batch: pa.RecordBatch, answer: Answer) -> None:
        calls = self._calls()
        function = calls.row
        results: List[Any] = []
        errors: Dict[int, str] = {}
        for values in rows_of(calls.function, batch):
            try:
                results.append(function(*values))
            except _ENDS:
                raise
            except BaseException as e:
                result, error = self._row_again(values, e)
                if error is not None:
                    errors[len(results)] = error
                results.append(result)
                if error is not None and self._spec.fail:
                    break
                function = self._calls().row
        self.collect(results, errors, answer)

    def row(self, values: Any) -> Tuple[Any, Optional[str]]:
        """What the function returns for one row, or its error."""
        try:
            return self._calls().row(*values), None
        except _ENDS:
            raise
        except BaseException as e:
            return self._row_again(values, e)

    def _row_again(self, values: Any, raised: BaseException) -> Tuple[Any, Optional[str]]:
        failure = failures.of(raised)
        attempt = 1
        while self._again(failure, attempt):
            attempt += 1
            calls = self._calls()
            try:
                return calls.row(*values), None
            except _ENDS:
                raise
            except BaseException as e:
                failure = failures.of(e)
        return None, failure.json(attempt)

    def collect(self, results: List[Any], errors: Dict[int, str], answer: Answer) -> None:
        """Makes Arrow of what rows returned; what does not fit fails its own row."""
        output, name = self._spec.output, self._spec.name
        try:
            answer.add(conversion.row_values(results, output, name))
            answer.errors = errors
            answer.stopped = self._spec.fail and bool(errors)
            return
        except InvalidOutput:
            pass  # Told below, by the rows that it comes from.
        for i, result in enumerate(results):
            if i in errors:
                answer.fail(errors[i], output, self._spec.fail)
            else:
                try:
                    answer.add(conversion.row_values([result], output, name))
                except InvalidOutput as e:
                    answer.fail(failures.of(e).json(1), output, self._spec.fail)
            if answer.stopped:
                return
