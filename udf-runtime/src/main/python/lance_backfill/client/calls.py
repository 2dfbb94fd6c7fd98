"""CALL, and what it gives, on a classic session as on Spark Connect."""

import contextlib
import datetime
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import pyarrow as pa

from ..declare.options import duration
from ..errors import BackfillError, of_spark

_ARGUMENT = re.compile(r"`((?:[^`]|``)+)`|(\w+)")


@contextlib.contextmanager
def as_backfill_error(job_id: Optional[str] = None) -> Iterator[None]:
    """Raises BackfillError for errors of Spark that have a code, without Java's stack trace."""
    try:
        yield
    except BackfillError:
        raise
    except Exception as e:
        told = of_spark(e, job_id) if type(e).__module__.startswith(("pyspark", "py4j")) else None
        if told is None:
            raise
        raise told from None


def quoted(*parts: str) -> str:
    """An identifier of SQL."""
    return ".".join("`%s`" % part.replace("`", "``") for part in parts)


class Calls:
    """Procedures of one catalog."""

    def __init__(self, spark: Any, catalog: str) -> None:
        self.spark = spark
        self.catalog = catalog

    def call(self, procedure: str, arguments: Mapping[str, Any]) -> Any:
        """The DataFrame of a call's result; arguments that are None are left out.

        Values travel as parameters, never in the text of the statement. Raises BackfillError.
        """
        texts: List[str] = []
        values: Dict[str, Any] = {}

        def parameter(value: Any) -> str:
            name = "p%d" % len(values)
            values[name] = plain(value)
            return ":" + name

        for name, value in arguments.items():
            if value is None or (isinstance(value, dict) and not value):
                continue
            if isinstance(value, dict):
                pairs = ["%s, %s" % (parameter(k), parameter(v)) for k, v in value.items()]
                text = "map(%s)" % ", ".join(pairs)
            elif isinstance(value, (list, tuple)):
                text = "array(%s)" % ", ".join(parameter(one) for one in value)
            else:
                text = parameter(value)
            if not name.isidentifier():
                raise BackfillError(
                    "UNKNOWN_ARGUMENT", "%r is no name of an argument." % name, "Correct the name."
                )
            texts.append("%s => %s" % (name, text))
        statement = "CALL %s.system.%s(%s)" % (quoted(self.catalog), procedure, ", ".join(texts))
        with as_backfill_error(arguments.get("job_id")):
            return self.spark.sql(statement, args=values)

    def rows(self, procedure: str, arguments: Mapping[str, Any]) -> List[Dict[str, Any]]:
        found = self.call(procedure, arguments)
        with as_backfill_error(arguments.get("job_id")):
            return [row.asDict() for row in found.collect()]

    def table(self, procedure: str, arguments: Mapping[str, Any]) -> pa.Table:
        found = self.call(procedure, arguments)
        with as_backfill_error():
            return arrow_table(found)


def plain(value: Any) -> Any:
    """Durations as text; other values as they are."""
    return duration(value) or "0ms" if isinstance(value, datetime.timedelta) else value


def arrow_table(frame: Any) -> pa.Table:
    """The rows of a small DataFrame, whose types are those of Spark's."""
    from pyspark.sql.pandas.types import to_arrow_schema

    rows = frame.collect()
    schema = to_arrow_schema(frame.schema)
    columns = [
        pa.array([_plain(row[i]) for row in rows], field.type)
        for i, field in enumerate(schema)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.items())
    # Rows have instants in the local time zone, without saying so.
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        return value.astimezone(datetime.timezone.utc)
    return value


def in_default(name: str) -> str:
    """The full name of a table; a name alone is one of the namespace ``default``."""
    return name if "." in name else "default." + name


def function_call(expression: str) -> Tuple[str, List[str]]:
    """The function that a column's expression calls, and the columns that it gets."""
    name, _, rest = expression.strip().partition("(")
    return name.strip().strip("`"), [a.replace("``", "`") or b for a, b in _ARGUMENT.findall(rest)]
