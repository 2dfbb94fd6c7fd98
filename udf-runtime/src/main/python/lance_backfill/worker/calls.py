"""How each style of function is called."""

import functools
import typing
from typing import Any, Callable, List

import pyarrow as pa

from . import conversion
from .limits import Limit, NoLimit


class Calls:
    """One callable with its style, and the limit of its calls' time.

    ``row`` gives what the function returns for the values of one row.
    """

    def __init__(
        self, function: Callable[..., Any], style: str, output: pa.DataType, name: str, limit: Limit
    ) -> None:
        self.function = function
        self._style = style
        self._output = output
        self._name = name
        self._limit = limit
        unlimited = isinstance(limit, NoLimit)
        self.row = function if unlimited else functools.partial(limit.call, function)

    def batch(self, batch: pa.RecordBatch) -> pa.Array:
        """The values of a batch's rows, by one call. Raises what the function raises, InvalidOutput
        or TimedOut."""
        if self._style == "record_batch":
            result = self._limit.call(self.function, batch)
        else:
            result = self._limit.call(self.function, *batch.columns)
        return conversion.batch_values(result, self._output, batch.num_rows, self._name)


def rows_of(function: Callable[..., Any], batch: pa.RecordBatch) -> List[Any]:
    """The arguments of each row as Python values; NumPy arrays where the parameter asks for them."""
    wanted = _arrays_wanted(function, batch.num_columns)
    columns = [
        _numpy_rows(column) if wanted[i] else column.to_pylist()
        for i, column in enumerate(batch.columns)
    ]
    return list(zip(*columns))


def _arrays_wanted(function: Callable[..., Any], parameters: int) -> List[bool]:
    called = function if hasattr(function, "__code__") else getattr(type(function), "__call__")
    annotations = getattr(called, "__annotations__", {})
    code = getattr(called, "__code__", None)
    if code is None or not annotations:
        return [False] * parameters
    names = list(code.co_varnames[: code.co_argcount])
    if called is not function:
        names = names[1:]
    return [_names_array(annotations.get(name)) for name in names[:parameters]] + [False] * (
        parameters - len(names)
    )


def _names_array(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return "ndarray" in annotation
    if getattr(annotation, "__name__", "") == "ndarray":
        return True
    parts = [*typing.get_args(annotation), getattr(annotation, "__origin__", None)]
    return any(part is not None and _names_array(part) for part in parts)


def _numpy_rows(column: pa.Array) -> List[Any]:
    import numpy

    if pa.types.is_fixed_size_list(column.type) and not column.null_count:
        width = column.type.list_size
        flat = column.flatten()
        if not flat.null_count:
            return list(flat.to_numpy(zero_copy_only=False).reshape(len(column), width))
    return [
        None if not one.is_valid else numpy.asarray(one.values.to_numpy(zero_copy_only=False))
        for one in column
    ]
