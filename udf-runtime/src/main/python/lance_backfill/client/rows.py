"""Rows of a table by their addresses, as the workers get them."""

from typing import Any, Callable, Dict, Iterator, List, Sequence

import pyarrow as pa

from .calls import as_backfill_error, quoted

_ADDRESS = "_rowaddr"
_SIZE = "arrow.fixed-size-list.size"


def between(frame: Any, columns: Sequence[str], first: int, last: int) -> pa.Table:
    """The rows of the addresses from ``first`` to ``last``: the columns in this order, by number, and
    ``_rowaddr``; in the order of the addresses."""
    return _rows(frame.where("%s BETWEEN %d AND %d" % (_ADDRESS, first, last)), columns)


def at(frame: Any, columns: Sequence[str], addresses: Sequence[int]) -> pa.Table:
    """The same of some addresses."""
    return _rows(frame.where("%s IN (%s)" % (_ADDRESS, ", ".join(map(str, addresses)))), columns)


def _rows(found: Any, columns: Sequence[str]) -> pa.Table:
    texts = ["%s AS c%d" % (quoted(name), i) for i, name in enumerate(columns)]
    sizes = {
        i: int(size)
        for i, name in enumerate(columns)
        for size in [found.schema[name].metadata.get(_SIZE)]
        if size is not None
    }
    with as_backfill_error():
        wanted = found.selectExpr(*texts, _ADDRESS)
        rows = wanted.mapInArrow(_sent(), "batch binary").collect()
    batches: List[pa.RecordBatch] = []
    for row in rows:
        batches.extend(pa.ipc.open_stream(bytes(row["batch"])))
    names = ["c%d" % i for i in range(len(columns))] + [_ADDRESS]
    if not batches:
        return pa.schema([(name, pa.null()) for name in names]).empty_table()
    table = pa.Table.from_batches(batches)
    return _vectors(table, sizes).sort_by(_ADDRESS)


def _vectors(table: pa.Table, sizes: Dict[int, int]) -> pa.Table:
    for i, size in sizes.items():
        kind = pa.list_(table.schema.field(i).type.value_type, size)
        table = table.set_column(i, "c%d" % i, table.column(i).cast(kind))
    return table


def _sent() -> Callable[[Iterator[Any]], Iterator[Any]]:
    # Made here, so that it travels by value: workers may not have this package.
    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow

        for batch in batches:
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            told = pyarrow.array([sink.getvalue().to_pybytes()], pyarrow.binary())
            yield pyarrow.RecordBatch.from_arrays([told], ["batch"])

    return run
