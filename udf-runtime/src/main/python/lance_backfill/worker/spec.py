"""What a task asks of a worker, read from the JSON that Spark hands over."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Pattern

import pyarrow as pa

ERROR_FIELD = pa.field("error", pa.utf8())


@dataclass(frozen=True)
class Retry:
    """Which failures are tried again, how often, and after what pause.

    A failure matches if ``message`` is found in "type: text"; without one every failure does.
    """

    times: int
    backoff_s: float
    message: Optional[Pattern[str]] = None

    def matches(self, text: str) -> bool:
        return self.message is None or self.message.search(text) is not None


@dataclass(frozen=True)
class Spec:
    """One function and how it is called. ``body_bytes`` stands in for the file ``body``."""

    name: str
    hash: str
    style: str
    arguments: List[str]
    output: pa.DataType
    body: Optional[str] = None
    body_bytes: Optional[bytes] = None
    environment: Dict[str, Any] = field(default_factory=dict)
    batch_size: int = 0
    checkpoint_interval_s: float = 5.0
    fail: bool = True
    retry: Optional[Retry] = None
    row_timeout_s: float = 0.0
    threads: int = 1
    thread_safe: bool = True
    single: bool = False
    batch_order: str = "row"

    @property
    def by_length(self) -> bool:
        """Whether batches may be of rows of like lengths, instead of rows that follow each other."""
        return self.batch_order == "auto" and self.style != "scalar" and not self.single

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch that leaves the worker."""
        return pa.schema([pa.field("value", self.output), ERROR_FIELD])


def parse(spec_json: str) -> Spec:
    told = json.loads(spec_json)
    output = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told["output"])))
    inline = told.get("body_base64")
    return Spec(
        name=told["name"],
        hash=told["hash"],
        style=told["style"],
        arguments=list(told["arguments"]),
        output=output.field("value").type,
        body=told.get("body"),
        body_bytes=None if inline is None else base64.b64decode(inline),
        environment=told.get("environment") or {},
        batch_size=int(told.get("batch_size") or 0),
        checkpoint_interval_s=(told.get("checkpoint_interval_ms") or 5000) / 1000.0,
        fail=told.get("on_error", "fail") == "fail",
        retry=_retry(told.get("retry")),
        row_timeout_s=(told.get("row_timeout_ms") or 0) / 1000.0,
        threads=max(1, int(told.get("threads") or 1)),
        thread_safe=bool(told.get("thread_safe", True)),
        single=bool(told.get("single", False)),
        batch_order=told.get("batch_order", "row"),
    )


def _retry(told: Optional[Dict[str, Any]]) -> Optional[Retry]:
    if not told or not told.get("times"):
        return None
    message = told.get("message")
    return Retry(
        times=int(told["times"]),
        backoff_s=(told.get("backoff_ms") or 0) / 1000.0,
        message=None if message is None else re.compile(message),
    )
