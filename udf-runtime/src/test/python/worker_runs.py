"""Runs functions as Spark's worker would, without Spark."""

import base64
import hashlib
import json
import os
import tempfile
import uuid

import pyarrow as pa
from pyspark import cloudpickle

from lance_backfill import worker

_FOLDER = tempfile.mkdtemp(prefix="lance-backfill-test-")


def spec(function, style, output, arguments=("v",), **options):
    body = cloudpickle.dumps(function)
    path = os.path.join(_FOLDER, uuid.uuid4().hex)
    with open(path, "wb") as file:
        file.write(body)
    schema = pa.schema([pa.field("value", output)])
    told = {
        "name": "f_1",
        "hash": hashlib.sha256(body).hexdigest(),
        "body": path,
        "style": style,
        "arguments": list(arguments),
        "output": base64.b64encode(schema.serialize()).decode(),
        "environment": {},
        "batch_size": 0,
        "batch_order": "auto",
        "checkpoint_interval_ms": 5000,
        "on_error": "null",
        "retry": None,
        "row_timeout_ms": 0,
        "threads": 1,
        "thread_safe": True,
        "single": False,
    }
    told.update(options)
    return json.dumps(told)


def batches_of(function, style, output, batches, **options):
    names = batches[0].schema.names if batches else ["v"]
    asked = spec(function, style, output, names, **options)
    return list(worker.start(asked)(iter(batches)))


def run(function, style, output, values, **options):
    """The values and the errors (by offset, parsed) of one column's rows."""
    column = values if isinstance(values, pa.Array) else pa.array(values)
    batch = pa.RecordBatch.from_arrays([column], ["v"])
    found = batches_of(function, style, output, [batch], **options)
    for one in found:
        assert one.schema.names == ["value", "error"], one.schema
        assert one.schema.field("value").type == output, one.schema
    table = pa.Table.from_batches(found)
    errors = {
        i: json.loads(error)
        for i, error in enumerate(table["error"].to_pylist())
        if error is not None
    }
    return table["value"].to_pylist(), errors
