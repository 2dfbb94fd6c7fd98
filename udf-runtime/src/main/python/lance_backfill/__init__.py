"""Computed columns of Lance tables, filled by Apache Spark.

    from lance_backfill import connect, udf

    table = connect("/data/lance").open_table("images")

    @udf
    def caption_length(caption: str) -> int:
        return len(caption)

    table.add_columns({"caption_length": caption_length})
    table.backfill("caption_length")
"""

import typing

if typing.TYPE_CHECKING:
    from .client.connection import Database as Database
    from .client.connection import connect as connect
    from .client.job import BackfillJob as BackfillJob
    from .client.job import BackfillResult as BackfillResult
    from .client.table import Table as Table
    from .client.table import replay as replay
    from .declare.udf import udf as udf
    from .errors import BackfillError as BackfillError

__all__ = ["BackfillError", "BackfillJob", "BackfillResult", "Database", "Table", "connect", "replay", "udf"]

_HOMES = {
    "BackfillError": "errors",
    "BackfillJob": "client.job",
    "BackfillResult": "client.job",
    "Database": "client.connection",
    "Table": "client.table",
    "replay": "client.table",
    "connect": "client.connection",
    "udf": "declare.udf",
}


def __getattr__(name: str) -> typing.Any:
    # Workers import this package for its worker alone, and have no use for the rest.
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module("." + _HOMES[name], __name__), name)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__() -> typing.List[str]:
    return sorted([*globals(), *__all__])
