"""Failed rows once more, in the author's own process: for a debugger, and for trying what mends them."""

import base64
import copy
import dataclasses
import json
import pickle
import platform
import re
from typing import Any, Callable, ContextManager, Dict, List, Mapping, Optional, Sequence, Tuple

import pyarrow as pa

from ..declare import hints
from ..declare.udf import arity, declaration_of
from ..errors import BackfillError
from ..worker import conversion
from ..worker.calls import Calls as FunctionCalls
from ..worker.calls import rows_of
from ..worker.failures import InvalidOutput, WrongLength
from ..worker.limits import NoLimit
from . import environment, rows
from .calls import Calls, function_call

# Where the Java side cuts what it sends, and the rows of a first batch whose size is adaptive.
_SENT_ROWS = 4096
_FIRST_ROWS = 32
_OFFSETS = 1 << 32
_SHOWN = 80
_MOST_ROWS = 10_000
# What differs between two messages of one kind.
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


@dataclasses.dataclass(frozen=True)
class _Function:
    """A function that can be called here, and the columns that it gets."""

    name: str
    style: str
    output: pa.DataType
    columns: Tuple[str, ...]
    callable: Callable[..., Any]

    def value(self, given: pa.Table) -> Any:
        """The first row's value, by one call on all rows (of the first alone, if it takes rows).

        Raises what the function raises, as it comes, and BackfillError if what it returned is not what it
        must be.
        """
        batch = self._batch(given)
        calls = FunctionCalls(self.callable, self.style, self.output, self.name, NoLimit())
        try:
            if self.style == hints.SCALAR:
                returned = calls.row(*rows_of(self.callable, batch)[0])
                values = conversion.row_values([returned], self.output, self.name)
            else:
                values = calls.batch(batch)
            return values[0].as_py()
        except InvalidOutput as e:
            code = "WRONG_LENGTH" if isinstance(e, WrongLength) else "INVALID_OUTPUT"
            raise BackfillError(code, str(e)) from None

    def _batch(self, given: pa.Table) -> pa.RecordBatch:
        arrays = [given.column(i).combine_chunks() for i in range(len(self.columns))]
        return pa.RecordBatch.from_arrays(arrays, list(self.columns))


class _Case:
    """An error of a column, and what is known of where it came from."""

    def __init__(
        self, calls: Calls, table: str, frame: Any, error: Any, entered: Mapping[str, Any]
    ) -> None:
        told = _told(error)
        self.table = table
        self.frame = frame
        self._calls = calls
        self.error = told
        self.column = str(told["column"])
        self.address = int(told["row_address"])
        self.fragment, self.offset = divmod(self.address, _OFFSETS)
        metadata = self._metadata()
        self._expression = metadata.get("computed_column.expression", "")
        function = told.get("function") or function_call(self._expression)[0]
        self._stored = calls.rows("function_body", {"table": table, "function": function})[0]
        # Options of the column come before those of its function.
        self.options: Dict[str, str] = {
            **json.loads(self._stored["options"]),
            **json.loads(metadata.get("lance-backfill.options", "{}")),
        }
        self._manifest = environment.manifest_of(calls, entered, self.options)

    def environment(self) -> ContextManager[None]:
        """This process with what the manifest brings, if there is one."""
        found = environment.variables(self._calls, self._manifest, "replay")
        return environment.of_process(found)

    def _metadata(self) -> Mapping[str, Any]:
        fields = {field.name: field for field in self.frame.schema.fields}
        # Columns of a group are told together; one says what computes all of them.
        for name in [self.column, *self.column.split(",")]:
            if name.strip() in fields:
                return fields[name.strip()].metadata or {}
        raise BackfillError(
            "COLUMN_NOT_FOUND",
            "Table %s has no column '%s' any more." % (self.table, self.column),
            "Give an error of a column that it has.",
        )

    @property
    def output(self) -> pa.DataType:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.options["output"])))
        return schema.field("value").type

    @property
    def columns(self) -> Tuple[str, ...]:
        """What the function is called with; by its parameters' names, if the column has another now."""
        name, arguments = function_call(self._expression)
        if name.lower() != str(self._stored["name"]).lower():
            arguments = [one["name"] for one in json.loads(self.options["inputs"])]
        missing = [one for one in arguments if one not in self.frame.columns]
        if missing:
            raise BackfillError(
                "COLUMN_NOT_FOUND",
                "Function '%s' read the column '%s', which table %s does not have by that name."
                % (self._stored["name"], missing[0], self.table),
                "Try a function on the columns that there are: replay(error, fix=...).",
            )
        return tuple(arguments)

    def stored(self) -> _Function:
        """The function as it failed, after its setup(). Raises what its loading raises."""
        declared = json.loads(self.options["environment"])
        there, here = str(declared.get("python", "")), platform.python_version()
        if there.split(".")[:2] != here.split(".")[:2]:
            raise BackfillError(
                "ENVIRONMENT_MISMATCH",
                "Function '%s' was declared under Python %s, and this is Python %s."
                % (self._stored["name"], there, here),
                "Replay it under the former, or try a new version of it: replay(error, fix=...).",
            )
        columns = self.columns
        function = _ready(pickle.loads(bytes(self._stored["body"])))
        name = str(self._stored["name"])
        return _Function(name, self.options["style"], self.output, columns, function)

    def fix(self, target: Any) -> _Function:
        """Another function in its place."""
        if isinstance(target, type):
            target = target()
        known = set(self.frame.columns)
        try:
            names = [p.name for p in hints.read(target)[0] if p.required]
        except hints.Unclear:
            names = []  # declaration_of tells why.
        by_name = bool(names) and known.issuperset(names)
        declaration = declaration_of(target, self.output, None if by_name else self._old_columns())
        columns = declaration.input_columns
        if columns is None:
            columns = tuple(names) if by_name else self.columns
            problem = arity(declaration.style, declaration.parameters, columns)
            if problem:
                raise BackfillError(
                    "INVALID_FUNCTION",
                    "Function '%s' %s." % (declaration.name, problem),
                    "Name its parameters like the columns, or give @udf(input_columns=[...]).",
                )
        return _Function(
            declaration.name, declaration.style, declaration.output, columns, _ready(target)
        )

    def _old_columns(self) -> Optional[Sequence[str]]:
        try:
            return self.columns
        except BackfillError:
            return None

    def neighbours(self) -> Tuple[int, int, str]:
        """The first and last offset of the batch that the row was in, as far as that is known, and what is."""
        given = self.options.get("batch_size")
        size = int(given) if given else _FIRST_ROWS
        window = self.offset // _SENT_ROWS * _SENT_ROWS
        first = window + (self.offset - window) // size * size
        last = min(first + size, window + _SENT_ROWS) - 1
        if self.options.get("batch_order", "row" if given else "auto") == "auto":
            what = "rows near it; those that it was with are not known, since batch_order is 'auto'"
        elif given:
            what = (
                "its batch by batch_size %d, if the job had no other and computed all rows of the fragment"
                % size
            )
        else:
            what = "rows near it; those that it was with are not known, since there is no batch_size"
        return first, last, what

    def same_errors(self) -> List[int]:
        """Addresses of the rows that failed in the same job in the same way."""
        found = self._calls.table(
            "errors",
            {
                "table": self.table,
                "job_id": self.error.get("job_id"),
                "column": self.column.split(",")[0].strip(),
            },
        ).to_pylist()
        kind = _kind(self.error)
        same = [one["row_address"] for one in found if _kind(one) == kind]
        return sorted({self.address, *same})


def once_more(
    calls: Calls, table: str, frame: Any, error: Any, entered: Mapping[str, Any]
) -> Any:
    """The value of the row, if it does not fail here. See Table.replay."""
    case = _Case(calls, table, frame, error, entered)
    with case.environment():
        return _once_more(case, table, frame)


def _once_more(case: _Case, table: str, frame: Any) -> Any:
    columns = case.columns
    first, last, what = case.neighbours()
    base = case.fragment * _OFFSETS
    around = rows.between(frame, columns, base + first, base + last)
    addresses = around.column("_rowaddr").to_pylist()
    if case.address not in addresses:
        raise _gone(case)
    row = around.slice(addresses.index(case.address), 1)
    shown = ", ".join(
        "%s = %s" % (name, _short(row.column(i)[0].as_py())) for i, name in enumerate(columns)
    )
    print(
        "Row %d of %s (fragment %d, offset %d), column %s, alone: %s"
        % (case.address, table, case.fragment, case.offset, case.column, shown)
    )
    function = case.stored()
    value = function.value(row)
    if function.style != hints.SCALAR and len(around) > 1:
        print(
            "It does not fail. With %d rows of offsets %d to %d: %s."
            % (len(around), addresses[0] % _OFFSETS, addresses[-1] % _OFFSETS, what)
        )
        function.value(around)
    print("It does not fail here.")
    return value


def tried(
    calls: Calls, table: str, frame: Any, error: Any, fix: Any, entered: Mapping[str, Any]
) -> pa.Table:
    """What another function makes of the rows with this error. See Table.replay."""
    case = _Case(calls, table, frame, error, entered)
    with case.environment():
        return _tried(case, frame, fix)


def _tried(case: _Case, frame: Any, fix: Any) -> pa.Table:
    function = case.fix(fix)
    addresses = case.same_errors()
    found = rows.at(frame, function.columns, addresses[:_MOST_ROWS])
    if not len(found):
        raise _gone(case)
    results, values, errors = [], [], []
    for i in range(len(found)):
        value, problem = None, None
        try:
            value = function.value(found.slice(i, 1))
        except (Exception, SystemExit) as e:
            problem = "%s: %s" % (type(e).__name__, e)
        values.append(value)
        errors.append(problem)
        results.append("ok" if problem is None else "failed")
    print(
        "%d of %d rows with this error are ok; %d are not where they were."
        % (results.count("ok"), len(results), len(addresses[:_MOST_ROWS]) - len(found))
        + (" %d more were not tried." % (len(addresses) - _MOST_ROWS) if len(addresses) > _MOST_ROWS else "")
    )
    return pa.table(
        {
            "row_address": found.column("_rowaddr"),
            "result": pa.array(results, pa.utf8()),
            "value": pa.array(values, function.output),
            "error": pa.array(errors, pa.utf8()),
        }
    )


def _told(error: Any) -> Dict[str, Any]:
    """An error as a dict: of a dict, a Row of Spark, or a table of one row."""
    if isinstance(error, (pa.Table, pa.RecordBatch)):
        error = error.to_pylist()[0] if error.num_rows == 1 else None
    elif hasattr(error, "asDict"):
        error = error.asDict()
    if not isinstance(error, Mapping) or not {"column", "row_address"} <= set(error):
        raise BackfillError(
            "INVALID_ARGUMENT",
            "replay takes one row of get_errors, and got %s." % _short(error),
            "Give table.get_errors(job_id).to_pylist()[0], for example.",
        )
    return dict(error)


def _ready(function: Any) -> Any:
    setup = getattr(function, "setup", None)
    if callable(setup):
        function = copy.copy(function)  # The author's stays as it was before setup().
        function.setup()
    return function


def _kind(error: Mapping[str, Any]) -> Tuple[Any, str]:
    lines = str(error.get("message") or "").splitlines() or [""]
    return error.get("code"), _VARIABLE.sub("#", lines[0])


def _gone(case: _Case) -> BackfillError:
    return BackfillError(
        "ROW_NOT_FOUND",
        "Table %s has no row at fragment %d, offset %d, any more: it was deleted, or moved by an update "
        "or a compaction since it failed." % (case.table, case.fragment, case.offset),
        "Run retry_errors or backfill, and replay an error of that job.",
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
