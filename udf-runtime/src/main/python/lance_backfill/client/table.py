"""Tables with computed columns."""

import collections.abc
import difflib
import json
import numbers
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union, overload

import pyarrow as pa

from ..declare.udf import Declaration
from ..errors import BackfillError, Faults
from . import environment, given
from . import preview as previews
from . import replay as replays
from . import shown
from .calls import Calls, as_backfill_error, function_call, plain, quoted
from .context import Entered
from .functions import Prepared, prepared
from .job import BackfillJob, BackfillResult
from .names import Names

Function = Callable[..., Any]
Transform = Union[str, Function, Tuple[Function, Sequence[str]]]

_COLUMNS = "the name of a column, or a list of names"

# What this process has declared, by its name and the columns that it gets: for previews.
_PREPARED: Dict[Tuple[str, Tuple[str, ...]], Prepared] = {}


class Table:
    """A Lance table. ``name`` is relative to its catalog.

    ``columns`` has the names of its columns, which a notebook completes:
    ``table.backfill(table.columns.embedding)``.
    """

    def __init__(self, calls: Calls, name: str, entered: Entered) -> None:
        self._calls = calls
        self._entered = entered
        self.name = name
        # No property: IPython completes what it can reach without running code.
        self.columns = Names("column", self._column_names)

    def _column_names(self) -> List[str]:
        return [field.name for field in self.schema().fields]

    def to_spark(self) -> Any:
        """The table as a Spark DataFrame. Raises BackfillError if it is gone."""
        with as_backfill_error():
            return self._calls.spark.table(quoted(self._calls.catalog, *self.name.split(".")))

    def schema(self) -> Any:
        """Its Spark schema."""
        frame = self.to_spark()
        with as_backfill_error():
            return frame.schema

    # Columns

    def add_columns(
        self,
        transforms: Mapping[Union[str, Tuple[str, ...]], Transform],
        require: Union[str, Sequence[str]] = (),
        **options: Any,
    ) -> None:
        """Declares computed columns; nothing is computed yet, see backfill.

        Each transform is an SQL expression, a function (its parameters are named like the columns that it
        reads), or a function with the columns: ``(function, ["image"])``.

        A function of several outputs fills a group of columns, which are filled and dropped together: the
        key is a tuple of their names, or a prefix and ``*``, ``{"face_*": detect}``, for the names of the
        outputs.

        Args:
            transforms: by the column's name.
            require: conditions in SQL that each of these columns' rows has to meet, on the column and what
                it is computed from, such as "no_nan(embedding)"; a row for which one is false has failed.
            options: for backfills of these columns, such as batch_size=64.

        Raises:
            BackfillError: all that is wrong with functions, names and types, before anything is written.
        """
        given.of_kind(collections.abc.Mapping, "add_columns", "a dict of columns and what computes them", transforms)
        schema = self.schema()
        faults = Faults()
        plans: List[Tuple[Dict[str, Any], str, Optional[Prepared]]] = []
        for key, transform in transforms.items():
            if isinstance(transform, str):
                plans.append((_columns(key, None, faults), transform, None))
                continue
            function = prepared(transform, schema, faults)
            if function is not None:
                columns = _columns(key, function.declaration, faults)
                plans.append((columns, function.expression, function))
        known = {field.name for field in schema.fields}
        for columns, _, _ in plans:
            for column in columns.values():
                for one in column if isinstance(column, list) else [column]:
                    if one in known:
                        faults.add(
                            "COLUMN_EXISTS",
                            "The table has a column '%s' already." % one,
                            "Choose another name, or give it another function by alter_columns.",
                        )
        faults.check()
        for columns, expression, function in plans:
            self._register(function)
            arguments = {**columns, "expression": expression, "options": _texts(options)}
            if require:
                arguments["require"] = _list(require)
            self._calls.rows("add_column", {"table": self.name, **arguments})

    def alter_columns(self, *alterations: Mapping[str, Any]) -> None:
        """Gives columns other functions; their values stay readable, and are stale until computed again.

        Each alteration has ``path``, the column, and ``udf``, an SQL expression, a function or one with its
        columns: ``{"path": "embedding", "udf": Embed2()}``. ``require`` gives the column other conditions;
        left out, it keeps those that it has.

        Raises:
            BackfillError: as add_columns does.
        """
        for alteration in alterations:
            given.of_kind(collections.abc.Mapping, "alter_columns", "dicts of 'path' and 'udf'", alteration)
        schema = self.schema()
        faults = Faults()
        plans: List[Tuple[str, str, Optional[Prepared]]] = []
        require: Dict[str, List[str]] = {}
        for alteration in alterations:
            if "require" in alteration and "path" in alteration:
                require[alteration["path"]] = _list(alteration["require"])
            if set(alteration) - {"require"} != {"path", "udf"}:
                faults.add(
                    "INVALID_ARGUMENT",
                    "An alteration has the keys %s." % ", ".join(map(repr, alteration)),
                    "Write {'path': 'column', 'udf': function}.",
                )
            elif isinstance(alteration["udf"], str):
                plans.append((alteration["path"], alteration["udf"], None))
            else:
                function = prepared(alteration["udf"], schema, faults)
                if function is not None:
                    plans.append((alteration["path"], function.expression, function))
        faults.check()
        for column, expression, function in plans:
            self._register(function)
            arguments: Dict[str, Any] = {"column": column, "expression": expression}
            if column in require:
                arguments["require"] = require[column]
            self._calls.rows("alter_column", {"table": self.name, **arguments})

    def _register(self, function: Optional[Prepared]) -> None:
        if function is not None:
            function.register(self._calls)
            _PREPARED[function.name, function.columns] = function

    def drop_columns(self, columns: Sequence[str]) -> None:
        """Drops computed columns; those of a group together. Raises BackfillError."""
        for column in given.names("drop_columns", _COLUMNS, columns):
            self._calls.rows("drop_column", {"table": self.name, "column": column})

    # Computing

    def preview(self, what: Transform, limit: int = 20) -> pa.Table:
        """Computes a few rows, and writes nothing; in a local session under the manifest that a backfill would
        have.

        Args:
            what: a function, one with its columns, or the name of a declared column.
            limit: rows, at most.

        Returns:
            The columns that are read, ``value`` and ``error``: NULL, or JSON with code, type, message and
            trace of what the function raised.

        Raises:
            BackfillError: if the function cannot run on this table; MANIFEST_NOT_HERE if it has a manifest and
                the session is not a local one.
        """
        if not isinstance(limit, numbers.Integral) or limit < 0:
            raise given.wrong("preview", "a limit of 0 or more rows", limit)
        frame = self.to_spark()
        if isinstance(what, str):
            field = self._computed(what, frame.schema)
            expression = field.metadata["computed_column.expression"]
            name, columns = function_call(expression)
            function = _PREPARED.get((name, tuple(columns)))
            if function is not None:
                options = json.loads(field.metadata.get("lance-backfill.options", "{}"))
                return self._previewed(frame, function, limit, options)
            if field.metadata.get("computed_column.kind") == "function":
                raise BackfillError(
                    "FUNCTION_NOT_FOUND",
                    "Column '%s' is computed by %s, which this process did not declare."
                    % (what, expression),
                    "Give the function itself: preview(function).",
                )
            inputs = json.loads(field.metadata.get("computed_column.inputs", "[]"))
            return previews.of_expression(frame, inputs, expression, limit)
        faults = Faults()
        ready = prepared(what, frame.schema, faults)
        faults.check()
        assert ready is not None
        return self._previewed(frame, ready, limit, {})

    def _previewed(
        self, frame: Any, function: Prepared, limit: int, options: Mapping[str, Any]
    ) -> pa.Table:
        of_all = {**function.declaration.options, **options}
        manifest = environment.manifest_of(self._calls, self._entered.get(), of_all)
        variables = environment.variables(self._calls, manifest, "preview")
        return previews.of_function(frame, function, limit, variables)

    def _computed(self, column: str, schema: Any) -> Any:
        fields = {field.name: field for field in schema.fields}
        field = fields.get(column)
        if field is None:
            close = difflib.get_close_matches(column, list(fields), 1)
            raise BackfillError(
                "COLUMN_NOT_FOUND",
                "Table %s has no column '%s'." % (self.name, column),
                "Did you mean '%s'?" % close[0] if close else "Its columns are %s." % ", ".join(fields),
            )
        if "computed_column.expression" not in field.metadata:
            raise BackfillError(
                "NOT_A_COMPUTED_COLUMN",
                "Column '%s' of table %s is not computed." % (column, self.name),
                "Declare it by add_columns.",
            )
        return field

    @overload
    def backfill(
        self, column: str, where: Optional[str] = None, **options: Any
    ) -> BackfillResult: ...

    @overload
    def backfill(
        self, column: Sequence[str], where: Optional[str] = None, **options: Any
    ) -> List[BackfillResult]: ...

    def backfill(
        self, column: Union[str, Sequence[str]], where: Optional[str] = None, **options: Any
    ) -> Union[BackfillResult, List[BackfillResult]]:
        """Computes the values that a column lacks, and those that are stale; waits for the end.

        Args:
            column: a computed column; its whole group is filled. Or several: a job each, each after those
                that it reads, and beside them where its tasks have executors of their own, as those of a GPU
                function over what a CPU function prepares; then a list of results, in the order of the jobs.
            where: a condition in SQL that narrows the rows.
            options: those of the procedure, such as batch_size, concurrency, commit_granularity,
                checkpoint_interval='5s', recompute, on_error, max_failed_rows, row_timeout, job_id.

        Raises:
            BackfillError: with the code of what failed. What was finished before is committed or kept: the
                same call goes on from there.
        """
        options = {**self._entered.get(), **options}
        if isinstance(column, str):
            return self._run(column, where, options)
        columns = given.names("backfill", _COLUMNS, column)
        arguments = {**options, "table": self.name, "columns": columns, "where": where}
        rows = self._entered.running(lambda: self._calls.rows("backfill", arguments))
        return [BackfillResult.of(row) for row in rows]

    def _run(self, column: str, where: Optional[str], options: Dict[str, Any]) -> BackfillResult:
        arguments = {**options, "table": self.name, "column": column}
        if where is not None:
            arguments["where"] = where
        found = self._entered.running(lambda: self._calls.rows("backfill", arguments))
        return BackfillResult.of(found[0])

    def backfill_async(
        self, column: str, where: Optional[str] = None, **options: Any
    ) -> BackfillJob:
        """The same, beside the program: see BackfillJob. It ends with the program."""
        job_id = options.setdefault("job_id", str(uuid.uuid4()))
        options = {**self._entered.get(), **options}
        return BackfillJob(
            self._calls, self.name, job_id, lambda: self._run(column, where, options)
        )

    # What is known

    def coverage(self, column: str) -> pa.Table:
        """For each fragment, how many values are fresh, stale, failed, never computed or unknown."""
        found = self._calls.table("coverage", {"table": self.name, "column": column})
        return shown.marked(found, "coverage")

    def jobs(self, status: Optional[str] = None) -> pa.Table:
        """The jobs of the table, oldest first."""
        return shown.marked(self._calls.table("jobs", {"table": self.name, "status": status}), "jobs")

    def get_errors(
        self, job_id: Optional[str] = None, column: Optional[str] = None
    ) -> pa.Table:
        """The rows that failed: job_id, column, function, function_version, fragment_id, row_address,
        input_hash, attempt, code, message, trace, at."""
        arguments = {"table": self.name, "job_id": job_id, "column": column}
        return self._calls.table("errors", arguments)

    def replay(self, error: Any, fix: Any = None) -> Any:
        """Runs a failed row once more in this process, where a debugger can follow.

        The function is the one that the job ran, as the table keeps it: from this session, or one that
        spark.lancebackfill.functions.trust allows. The row is computed alone, as the worker did last; if it
        does not fail, a function on arrays or batches also gets it with the rows of its batch, as far as they
        are known. Which rows is printed. There is no row_timeout here. The modules and variables of the manifest
        that a backfill would have are this process's for as long as it takes.

        Args:
            error: a row of get_errors, ``get_errors(job_id).to_pylist()[0]``. ``column`` and ``row_address``
                are enough, for the column's present function.
            fix: a new version to try instead, a function or an object or class with ``__call__``, on every row
                that failed in the same job with the same code and kind of message. Nothing is written.

        Returns:
            The row's value, if it does not fail. With ``fix`` a table of row_address, result (ok or failed),
            value and error.

        Raises:
            Exception: what the function raises, as it raised it, and what its setup() or its imports raise.
            BackfillError: INVALID_OUTPUT or WRONG_LENGTH for what it returned; FUNCTION_NOT_TRUSTED,
                ENVIRONMENT_MISMATCH, or ROW_NOT_FOUND if the row is not there any more.
        """
        frame = self.to_spark()
        if fix is None:
            return replays.once_more(self._calls, self.name, frame, error, self._entered.get())
        return replays.tried(self._calls, self.name, frame, error, fix, self._entered.get())

    def retry_errors(self, job_id: str, **options: Any) -> BackfillResult:
        """Computes the rows that failed in a job again, by the column's present function.

        ``options`` are those of backfill.
        """
        arguments = {"table": self.name, "job_id": job_id, "options": _texts(options)}
        return BackfillResult.of(self._calls.rows("retry_errors", arguments)[0])

    def __repr__(self) -> str:
        return "Table(%r)" % (self._calls.catalog + "." + self.name)

    def _repr_html_(self) -> str:
        title = "%s.%s" % (self._calls.catalog, self.name)
        try:
            fields = self.schema().fields
        except BackfillError as e:
            return shown.page(title, shown.faded(str(e)))
        rows = [
            [
                field.name,
                field.dataType.simpleString(),
                (field.metadata or {}).get("computed_column.expression", ""),
            ]
            for field in fields
        ]
        return shown.page(title, shown.grid(["column", "type", "computed by"], rows, len(rows)))


def replay(table: Table, error: Any, fix: Any = None) -> Any:
    """See Table.replay."""
    return table.replay(error, fix)


def _texts(options: Mapping[str, Any]) -> Dict[str, str]:
    """Options of a map, all as text."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(plain(value))
        for name, value in options.items()
        if value is not None
    }


def _columns(
    key: Union[str, Tuple[str, ...]], declaration: Optional[Declaration], faults: Faults
) -> Dict[str, Any]:
    """What add_column is told of the columns that a key of add_columns names."""
    if isinstance(key, tuple):
        names = list(key)
    elif isinstance(key, str) and key.endswith("*"):
        if declaration is None or not pa.types.is_struct(declaration.output):
            faults.add(
                "INVALID_ARGUMENT",
                "'%s' stands for columns named like the outputs of a function, and there are none." % key,
                "Name the columns: {('a', 'b'): ...}.",
            )
            return {}
        names = [key[:-1] + field.name for field in declaration.output]
    else:
        return {"column": key}
    if declaration is not None:
        kind = declaration.output
        outputs = kind.num_fields if pa.types.is_struct(kind) else 1
        if outputs != len(names) or not pa.types.is_struct(kind):
            faults.add(
                "INVALID_ARGUMENT",
                "Function '%s' has %d outputs, and the columns %s are named."
                % (declaration.name, outputs, ", ".join(names)),
                "Name one for each output, in their order.",
            )
    return {"columns": names}


def _list(conditions: Union[str, Sequence[str]]) -> List[str]:
    return [conditions] if isinstance(conditions, str) else list(conditions)
