"""What functions return, as Arrow arrays of exactly the output type."""

import dataclasses
from typing import Any, List, Sequence

import pyarrow as pa
import pyarrow.types as t

from .failures import InvalidOutput, WrongLength


def batch_values(result: Any, output: pa.DataType, rows: int, name: str) -> pa.Array:
    """The array of what a call on a whole batch returned.

    Takes Arrow arrays, chunked ones, lists and tuples of values, whatever NumPy can make an array of
    (two dimensions for vectors), and for structs a record batch, table, dict or NamedTuple of those.
    Raises InvalidOutput if the number of values or their type is not what was declared.
    """
    try:
        values = _column(result, output, rows, name)
    except InvalidOutput:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise InvalidOutput(
            "Function '%s' returned values that do not fit its output type, %s: %s"
            % (name, output, _first_line(e))
        ) from None
    if len(values) != rows:
        raise WrongLength(
            "Function '%s' returned %d values for a batch of %d rows. It must return one for each row, "
            "in their order, NULL where there is none." % (name, len(values), rows)
        )
    return values


def row_values(results: Sequence[Any], output: pa.DataType, name: str) -> pa.Array:
    """The array of what calls on single rows returned. Raises InvalidOutput."""
    try:
        return _list(results, output, name)
    except InvalidOutput:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise InvalidOutput(
            "Function '%s' returned %s, which does not fit its output type, %s: %s"
            % (name, _described(results), output, _first_line(e))
        ) from None


def _column(result: Any, output: pa.DataType, rows: int, name: str) -> pa.Array:
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
        if isinstance(result, pa.ChunkedArray):
            result = pa.concat_arrays(result.chunks)
    if isinstance(result, pa.Array):
        return _array(result, output, name)
    if t.is_struct(output):
        parts = _parts(result)
        if parts is not None:
            return _struct(parts, output, rows, name)
    if result is None:
        raise InvalidOutput(
            "Function '%s' returned None for a batch of %d rows. It must return an array with a value "
            "for each, NULL where there is none." % (name, rows)
        )
    if isinstance(result, (list, tuple)):
        return _list(result, output, name)
    if hasattr(result, "__array__"):
        return _numpy(result, output, name)
    raise InvalidOutput(
        "Function '%s' returned a %s for a batch of %d rows. It must return a pyarrow or NumPy array or "
        "a list of %d values." % (name, type(result).__qualname__, rows, rows)
    )


def _parts(result: Any) -> Any:
    """Arrays by name, of several outputs together."""
    if isinstance(result, (pa.RecordBatch, pa.Table)):
        return dict(zip(result.schema.names, result.columns))
    if isinstance(result, dict):
        return result
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return dict(zip(result._fields, result))
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return vars(result)
    return None


def _struct(parts: Any, output: pa.StructType, rows: int, name: str) -> pa.Array:
    _check_names(parts, output, name)
    arrays = []
    for field in output:
        values = _column(parts[field.name], field.type, rows, "%s.%s" % (name, field.name))
        if len(values) != rows:
            raise InvalidOutput(
                "Function '%s' returned %d values of '%s' for a batch of %d rows."
                % (name, len(values), field.name, rows)
            )
        arrays.append(values)
    return pa.StructArray.from_arrays(arrays, fields=list(output))


def _check_names(parts: Any, output: pa.StructType, name: str) -> None:
    names = [field.name for field in output]
    if set(parts) != set(names):
        raise InvalidOutput(
            "Function '%s' returned the outputs %s, its output type has %s."
            % (name, ", ".join(map(str, parts)) or "(none)", ", ".join(names))
        )


def _array(values: pa.Array, output: pa.DataType, name: str) -> pa.Array:
    if isinstance(values, pa.ExtensionArray) and not values.type.equals(output):
        values = values.storage
    if values.type.equals(output):
        return values
    if not castable(values.type, output):
        raise InvalidOutput(
            "Function '%s' returned %s, its output type is %s." % (name, values.type, output)
        )
    if t.is_struct(output):
        parts = dict(zip([field.name for field in values.type], values.flatten()))
        arrays = [_array(parts[field.name], field.type, name) for field in output]
        mask = values.is_null() if values.null_count else None
        return pa.StructArray.from_arrays(arrays, fields=list(output), mask=mask)
    return values.cast(output)


def castable(found: pa.DataType, output: pa.DataType) -> bool:
    """Whether values may change from one type to the other: within numbers, text, bytes, times,
    lists; what a single value then loses is found by the cast itself."""
    if found.equals(output) or t.is_null(found):
        return True
    if t.is_dictionary(found):
        return castable(found.value_type, output)
    if _is_list(found) and _is_list(output):
        return castable(found.value_type, output.value_type)
    if t.is_struct(found) and t.is_struct(output):
        parts = {field.name: field.type for field in found}
        return set(parts) == {field.name for field in output} and all(
            castable(parts[field.name], field.type) for field in output
        )
    return any(kind(found) and kind(output) for kind in _KINDS)


def _is_list(kind: pa.DataType) -> bool:
    return t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind)


def _is_number(kind: pa.DataType) -> bool:
    return t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)


def _is_text(kind: pa.DataType) -> bool:
    return t.is_string(kind) or t.is_large_string(kind) or "string_view" in str(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return (
        t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_fixed_size_binary(kind)
        and not t.is_decimal(kind)
    )


_KINDS = (_is_number, _is_text, _is_bytes, t.is_timestamp, t.is_date, t.is_time, t.is_duration)


def _numpy(values: Any, output: pa.DataType, name: str) -> pa.Array:
    if type(values).__module__.split(".")[0] in ("pandas", "polars"):
        return _array(pa.array(values), output, name)
    import numpy

    if not isinstance(values, numpy.ndarray):
        values = numpy.asarray(values)
    if values.ndim == 1:
        if values.dtype == object:
            return _list(list(values), output, name)
        return _array(pa.array(values), output, name)
    if values.ndim == 2 and _is_list(output):
        width = values.shape[1]
        if t.is_fixed_size_list(output) and width != output.list_size:
            raise InvalidOutput(
                "Function '%s' returned vectors of %d values, its output type is %s."
                % (name, width, output)
            )
        item = _array(pa.array(values.reshape(-1)), output.value_type, name)
        if t.is_fixed_size_list(output) and width:
            return pa.FixedSizeListArray.from_arrays(item, type=output)
        offsets = pa.array(numpy.arange(len(values) + 1) * width)
        return pa.LargeListArray.from_arrays(offsets, item).cast(output)
    raise InvalidOutput(
        "Function '%s' returned a NumPy array of shape %s, its output type is %s."
        % (name, values.shape, output)
    )


def _list(values: Sequence[Any], output: pa.DataType, name: str) -> pa.Array:
    if t.is_struct(output):
        return pa.array([_fields(value, output, name) for value in values], output)
    if t.is_integer(output):
        # With the type given, Arrow cuts NumPy's floats to integers without a word.
        try:
            return _array(pa.array(values), output, name)
        except OverflowError:
            return pa.array(values, output)
    if _is_list(output):
        return pa.array([_items(value) for value in values], output)
    return pa.array(values, output)


def _items(value: Any) -> Any:
    """Arrow takes lists and NumPy arrays, and no tensors of other libraries."""
    if value is None or isinstance(value, (list, tuple)):
        return value
    if isinstance(value, pa.Array):
        return value.to_pylist()
    if hasattr(value, "__array__"):
        import numpy

        return numpy.asarray(value)
    return value


def _fields(value: Any, output: pa.StructType, name: str) -> Any:
    if value is None:
        return None
    parts = _parts(value)
    if parts is None:
        if isinstance(value, tuple) and len(value) == output.num_fields:
            return value
        raise InvalidOutput(
            "Function '%s' returned a %s. For several outputs it must return a NamedTuple or a dict "
            "with %s."
            % (name, type(value).__qualname__, ", ".join(field.name for field in output))
        )
    _check_names(parts, output, name)
    return {
        field.name: _items(parts[field.name]) if _is_list(field.type) else parts[field.name]
        for field in output
    }


def _described(results: Sequence[Any]) -> str:
    kinds: List[str] = sorted({type(value).__qualname__ for value in results})
    return "a %s" % kinds[0] if len(kinds) == 1 else "values of the types %s" % ", ".join(kinds)


def _first_line(raised: BaseException) -> str:
    text = str(raised) or type(raised).__name__
    return text.splitlines()[0]
