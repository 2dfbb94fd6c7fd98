"""A function on a few rows of a table: with the code of the workers, and nothing is written."""

import hashlib
import importlib.resources
import json
from typing import Any, Callable, Dict, Iterator, List, Mapping

import pyarrow as pa

from .calls import arrow_table, as_backfill_error, quoted
from .environment import of_workers
from .functions import Prepared

_SIZE = "arrow.fixed-size-list.size"


def of_function(
    frame: Any, function: Prepared, limit: int, variables: Mapping[str, str]
) -> pa.Table:
    """The columns that the function reads, ``value``, and ``error`` (NULL, or JSON).

    ``variables`` are those of a manifest that its workers run in; none for the session's own workers.
    """
    columns = list(function.columns)
    inputs = frame.select([_column(frame, column) for column in columns]).limit(limit)
    declaration = function.declaration
    asked = {
        "name": declaration.name,
        "hash": hashlib.sha256(function.body).hexdigest(),
        "style": declaration.style,
        "arguments": columns,
        "output": function.output,
        "environment": function.environment,
        "batch_size": int(declaration.options.get("batch_size", 0)),
        "on_error": "null",
        "threads": int(declaration.options.get("intra_applier_concurrency", 1)),
        "thread_safe": declaration.options.get("thread_safe") != "false",
    }
    sizes: Dict[int, int] = {}
    for i, column in enumerate(columns):
        size = frame.schema[column].metadata.get(_SIZE)
        if size is not None:
            sizes[i] = int(size)
    answer = _runner(json.dumps(asked), function.body, sizes, _sources())
    with of_workers(frame, variables), as_backfill_error():
        rows = inputs.coalesce(1).mapInArrow(answer, "batch binary").collect()
    batches: List[pa.RecordBatch] = []
    for row in rows:
        batches.extend(pa.ipc.open_stream(bytes(row["batch"])))
    if batches:
        return pa.Table.from_batches(batches)
    names = [*columns, "value", "error"]
    kinds = [pa.null()] * len(columns) + [declaration.output, pa.utf8()]
    return pa.schema(list(zip(names, kinds))).empty_table()


def of_expression(frame: Any, columns: List[str], expression: str, limit: int) -> pa.Table:
    """The same of an SQL expression, whose errors fail the call."""
    with as_backfill_error():
        texts = [*map(quoted, columns), "(%s) AS value" % expression]
        found = arrow_table(frame.limit(limit).selectExpr(*texts))
    return found.append_column("error", pa.nulls(len(found), pa.utf8()))


def _column(frame: Any, name: str) -> Any:
    return frame[quoted(name)]


def _sources() -> Dict[str, str]:
    """What workers need of this package, which need not be installed where they run."""
    package = importlib.resources.files("lance_backfill")  # may lie in a jar
    sources = {"lance_backfill/" + name: package / name for name in ("__init__.py", "pins.py")}
    for file in (package / "worker").iterdir():
        if file.name.endswith(".py"):
            sources["lance_backfill/worker/" + file.name] = file
    return {path: file.read_text(encoding="utf-8") for path, file in sorted(sources.items())}


def _runner(
    spec_json: str, body: bytes, sizes: Dict[int, int], sources: Dict[str, str]
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import base64
        import importlib
        import os
        import shutil
        import sys
        import tempfile

        import pyarrow

        try:
            worker = importlib.import_module("lance_backfill.worker")
        except ImportError:
            folder = tempfile.mkdtemp(prefix="lance-backfill-")
            try:
                for path, source in sources.items():
                    file = os.path.join(folder, path)
                    os.makedirs(os.path.dirname(file), exist_ok=True)
                    with open(file, "w", encoding="utf-8") as opened:
                        opened.write(source)
                sys.path.insert(0, folder)
                importlib.invalidate_caches()
                worker = importlib.import_module("lance_backfill.worker")
            finally:
                if folder in sys.path:
                    sys.path.remove(folder)
                shutil.rmtree(folder, ignore_errors=True)
        spec = json.loads(spec_json)
        spec["body_base64"] = base64.b64encode(body).decode()
        start = worker.start(json.dumps(spec))
        for batch in batches:
            given = []
            for i, array in enumerate(batch.columns):
                if i in sizes:
                    array = array.cast(pyarrow.list_(array.type.value_type, sizes[i]))
                given.append(array)
            inputs = pyarrow.RecordBatch.from_arrays(given, spec["arguments"])
            told = pyarrow.Table.from_batches(list(start(iter([inputs]))))
            whole = pyarrow.Table.from_batches([inputs])
            for name in ("value", "error"):
                whole = whole.append_column(name, told.column(name))
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, whole.schema) as stream:
                stream.write_table(whole)
            answer = pyarrow.array([sink.getvalue().to_pybytes()], pyarrow.binary())
            yield pyarrow.RecordBatch.from_arrays([answer], ["batch"])

    return run
