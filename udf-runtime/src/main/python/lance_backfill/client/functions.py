"""Functions on their way to a table: checked against it, pickled, registered."""

import base64
import dataclasses
import difflib
import hashlib
import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pyarrow as pa

from ..declare import hints, travel
from ..declare.udf import Declaration, arity, declaration_of
from ..errors import BackfillError, Faults
from .calls import Calls, quoted

# What parameters of each kind take, by the names of Spark's types.
_TAKES: Dict[str, Tuple[str, ...]] = {
    "bool": ("boolean",),
    "int": ("byte", "short", "integer", "long"),
    "float": ("float", "double", "byte", "short", "integer", "long"),
    "str": ("string", "varchar", "char"),
    "bytes": ("binary",),
    "datetime": ("timestamp", "timestamp_ntz"),
    "date": ("date",),
    "list": ("array",),
    "decimal": ("decimal",),
}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A function with the columns that it reads, ready to be stored."""

    declaration: Declaration
    columns: Tuple[str, ...]
    body: bytes
    environment: Dict[str, Any]
    fingerprint: Optional[str]

    @property
    def name(self) -> str:
        """Equal wherever the same function is declared, so that nobody overwrites another's."""
        version = self.declaration.version
        told = self.fingerprint or hashlib.sha256(str(version).encode()).hexdigest()
        return "%s_%s" % (self.declaration.name, told[:8])

    @property
    def expression(self) -> str:
        return "%s(%s)" % (self.name, ", ".join(quoted(column) for column in self.columns))

    @property
    def output(self) -> str:
        schema = pa.schema([pa.field("value", self.declaration.output)])
        return base64.b64encode(schema.serialize().to_pybytes()).decode()

    def register(self, calls: Calls) -> None:
        """Stores it. Raises BackfillError."""
        declaration = self.declaration
        kinds = {p.name: p.accepts for p in declaration.parameters}
        if declaration.style == hints.RECORD_BATCH:
            inputs = [{"name": column, "accepts": "any"} for column in self.columns]
        else:
            names = [p.name for p in declaration.parameters][: len(self.columns)]
            inputs = [{"name": name, "accepts": kinds[name]} for name in names]
        options = {
            **declaration.options,
            "style": declaration.style,
            "output": self.output,
            "inputs": json.dumps(inputs),
            "environment": json.dumps(self.environment),
        }
        if self.fingerprint is not None:
            options["fingerprint"] = self.fingerprint
        calls.call(
            "register_function",
            {"name": self.name, "kind": "python", "body": self.body, "options": options},
        )


def prepared(target: Any, schema: Any, faults: Faults) -> Optional[Prepared]:
    """A function, or a tuple of one and its columns, for a table of this Spark schema.

    Adds to ``faults`` what is wrong, and then gives None.
    """
    function, given = _split(target, faults)
    before = len(faults)
    try:
        declaration = declaration_of(function)
    except BackfillError as e:
        faults.extend(e)
        return None
    columns = _columns(declaration, given, faults)
    _check_inputs(declaration, columns, schema, faults)
    if len(faults) > before:
        return None
    try:
        body, environment = travel.pickled(function, declaration.name)
        if declaration.packages is not None:
            environment["packages"] = dict(declaration.packages)
        hashed = None
        if declaration.version is None:
            output = str(declaration.output)
            hashed = travel.fingerprint(body, declaration.name, output, declaration.style)
    except BackfillError as e:
        faults.extend(e)
        return None
    return Prepared(declaration, columns, body, environment, hashed)


def _split(target: Any, faults: Faults) -> Tuple[Any, Optional[Sequence[str]]]:
    if not isinstance(target, tuple):
        return target, None
    if len(target) == 2 and isinstance(target[1], (list, tuple)):
        return target[0], list(target[1])
    faults.add(
        "INVALID_ARGUMENT",
        "%r is no function with its columns." % (target,),
        "Write (function, ['column', ...]).",
    )
    return target[0] if target else None, None


def _columns(
    declaration: Declaration, given: Optional[Sequence[str]], faults: Faults
) -> Tuple[str, ...]:
    if given is None:
        if declaration.input_columns is not None:
            return declaration.input_columns
        return tuple(p.name for p in declaration.parameters if p.required)
    problem = arity(declaration.style, declaration.parameters, given)
    if problem:
        faults.add(
            "INVALID_FUNCTION",
            "Function '%s' %s." % (declaration.name, problem),
            "Give as many columns as it has parameters.",
        )
    return tuple(given)


def _check_inputs(
    declaration: Declaration, columns: Sequence[str], schema: Any, faults: Faults
) -> None:
    known = {field.name: field.dataType for field in schema.fields}
    kinds: List[str] = [p.accepts for p in declaration.parameters]
    if declaration.style == hints.RECORD_BATCH:
        kinds = ["any"] * len(columns)
    for i, column in enumerate(columns):
        found = known.get(column)
        if found is None:
            close = difflib.get_close_matches(column, list(known), 1)
            faults.add(
                "COLUMN_NOT_FOUND",
                "Function '%s' reads the column '%s', which the table does not have. Its columns are %s."
                % (declaration.name, column, ", ".join(known)),
                ("Did you mean '%s'? " % close[0] if close else "")
                + "Parameters are named like columns; else give the columns: (function, ['column']).",
            )
        elif i < len(kinds) and kinds[i] != "any" and found.typeName() not in _TAKES[kinds[i]]:
            parameter = declaration.parameters[i].name
            faults.add(
                "TYPE_MISMATCH",
                "Parameter '%s' of function '%s' takes %s, and the column '%s' has the type %s."
                % (parameter, declaration.name, kinds[i], column, found.simpleString()),
                "Correct the hint of the parameter, or give another column.",
            )
