"""Backfills: their results, and those that run beside the program."""

import dataclasses
import threading
from typing import Any, Callable, Dict, Optional

from ..errors import BackfillError
from . import shown
from .calls import Calls


@dataclasses.dataclass(frozen=True)
class BackfillResult:
    """What a backfill did. ``status`` is DONE, DONE_WITH_ERRORS, PAUSED or PLANNED."""

    job_id: str
    status: str
    table_version: Optional[int] = None
    fragments_planned: int = 0
    fragments_committed: int = 0
    fragments_skipped: int = 0
    rows_computed: int = 0
    rows_from_checkpoints: int = 0
    rows_failed: int = 0
    commits: int = 0
    bytes_written: int = 0
    elapsed_ms: int = 0
    attached_by: Optional[str] = None
    note: Optional[str] = None
    columns: Optional[str] = None

    @staticmethod
    def of(row: Dict[str, Any]) -> "BackfillResult":
        names = {field.name for field in dataclasses.fields(BackfillResult)}
        return BackfillResult(**{name: value for name, value in row.items() if name in names})

    def _repr_html_(self) -> str:
        facts = [
            ("rows computed", self.rows_computed),
            ("rows from checkpoints", self.rows_from_checkpoints),
            ("rows failed", self.rows_failed),
            ("fragments committed", self.fragments_committed),
            ("fragments planned", self.fragments_planned),
            ("commits", self.commits),
            ("bytes written", self.bytes_written),
            ("seconds", self.elapsed_ms / 1000),
            ("table version", self.table_version),
            ("attached by", self.attached_by),
        ]
        rows = [fact for fact in facts if fact[1] is not None]
        note = shown.faded(self.note) if self.note else ""
        title = "%s, job %s" % (self.status, self.job_id)
        if self.columns is not None:
            title = "%s: %s" % (self.columns, title)
        return shown.page(title, shown.grid(["", ""], rows, len(rows)), note)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a job is. ``status`` is STARTING until the job is known to its table.

    ``startup`` is what its first rows waited for: steps and their seconds, or counts.
    """

    status: str
    rows_planned: int = 0
    rows_done: int = 0
    rows_failed: int = 0
    fragments_planned: int = 0
    fragments_committed: int = 0
    message: str = ""
    startup: Dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        if self.status.startswith("DONE"):
            return 1.0
        return min(1.0, self.rows_done / self.rows_planned) if self.rows_planned else 0.0

    def _started(self) -> str:
        return "start: " + ", ".join("%s %g" % step for step in self.startup.items())

    def _repr_html_(self) -> str:
        words = [shown.faded(self.message)] if self.message else []
        if self.startup:
            words.append(shown.faded(self._started()))
        return shown.page(
            self.status, shown.progress(self.rows_done, self.rows_failed, self.rows_planned), *words
        )


class BackfillJob:
    """A backfill that runs beside the program, in a thread of it. ``job_id`` is known at once."""

    def __init__(
        self, calls: Calls, table: str, job_id: str, run: Callable[[], BackfillResult]
    ) -> None:
        self.job_id = job_id
        self._calls = calls
        self._table = table
        self._result: Optional[BackfillResult] = None
        self._raised: Optional[BaseException] = None
        self._thread = threading.Thread(
            target=self._run, args=(run,), name="backfill " + job_id, daemon=True
        )
        self._thread.start()

    def _run(self, run: Callable[[], BackfillResult]) -> None:
        try:
            self._result = run()
        except BaseException as e:
            self._raised = e

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._thread.is_alive()

    def result(self, timeout: Optional[float] = None) -> BackfillResult:
        """What it did; waits for its end, ``timeout`` seconds at most.

        Raises what the backfill raises, and TimeoutError if it has not ended by then; it goes on.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError("Job %s has not ended within %s s." % (self.job_id, timeout))
        if self._raised is not None:
            raise self._raised
        assert self._result is not None
        return self._result

    def progress(self) -> Progress:
        """How far it is, by what it has told its table. Raises BackfillError."""
        try:
            events = self._calls.rows("job", {"table": self._table, "job_id": self.job_id})
        except BackfillError as e:
            if e.code == "JOB_NOT_FOUND":
                return Progress("STARTING")
            raise
        last = events[-1]
        # What was planned stands in the event of the plan alone.
        planned = max((event["rows_planned"] or 0 for event in events), default=0)
        return Progress(
            status=last["status"],
            rows_planned=planned,
            rows_done=(last["rows_computed"] or 0) + (last["rows_from_checkpoints"] or 0),
            rows_failed=last["rows_failed"] or 0,
            fragments_planned=last["fragments_planned"] or 0,
            fragments_committed=last["fragments_committed"] or 0,
            message=last["message"] or "",
            startup=dict(last["startup"] or {}),
        )

    def __repr__(self) -> str:
        return "BackfillJob(%r, %s)" % (self.job_id, "done" if self.done() else "running")

    def _repr_html_(self) -> str:
        if self._result is not None:
            try:
                started = self.progress()._started()
            except BackfillError:
                started = ""
            return self._result._repr_html_() + shown.faded(started)
        title = "job %s of %s" % (self.job_id, self._table)
        if self._raised is not None:
            return shown.page("FAILED, " + title, shown.faded(str(self._raised)))
        try:
            return shown.page(title, self.progress()._repr_html_())
        except BackfillError as e:
            return shown.page(title, shown.faded(str(e)))
