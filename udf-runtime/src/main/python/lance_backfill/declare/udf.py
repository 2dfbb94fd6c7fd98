"""The decorator ``udf``, and what it makes known of a function."""

import dataclasses
import datetime
import inspect
import keyword
import re
import threading
import weakref
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, TypeVar, Union, overload

import pyarrow as pa

from .. import pins
from ..errors import BackfillError, Faults
from . import hints, options
from .hints import Parameter, Unclear

F = TypeVar("F", bound=Callable[..., Any])
OutputType = Union[pa.DataType, pa.Schema]


@dataclasses.dataclass(frozen=True)
class Declaration:
    """What is known of a function: how it is called, what it returns, and how it wants to run."""

    name: str
    style: str
    output: pa.DataType
    parameters: Tuple[Parameter, ...]
    input_columns: Optional[Tuple[str, ...]]
    options: Dict[str, str]
    packages: Optional[Tuple[Tuple[str, str], ...]] = None

    @property
    def version(self) -> Optional[str]:
        return self.options.get("version")


_DECLARED: "weakref.WeakKeyDictionary[Any, Declaration]" = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


@overload
def udf(function: F) -> F: ...


@overload
def udf(
    *,
    data_type: Optional[OutputType] = None,
    input_columns: Optional[Sequence[str]] = None,
    batch_size: Optional[int] = None,
    batch_order: Optional[str] = None,
    version: Optional[str] = None,
    on_error: Optional[str] = None,
    row_timeout: Union[str, datetime.timedelta, None] = None,
    intra_applier_concurrency: Optional[int] = None,
    thread_safe: Optional[bool] = None,
    num_cpus: Optional[float] = None,
    num_gpus: Optional[float] = None,
    memory: Union[str, int, None] = None,
    packages: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
) -> Callable[[F], F]: ...


def udf(
    function: Optional[F] = None,
    *,
    data_type: Optional[OutputType] = None,
    input_columns: Optional[Sequence[str]] = None,
    batch_size: Optional[int] = None,
    batch_order: Optional[str] = None,
    version: Optional[str] = None,
    on_error: Optional[str] = None,
    row_timeout: Union[str, datetime.timedelta, None] = None,
    intra_applier_concurrency: Optional[int] = None,
    thread_safe: Optional[bool] = None,
    num_cpus: Optional[float] = None,
    num_gpus: Optional[float] = None,
    memory: Union[str, int, None] = None,
    packages: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
) -> Any:
    """Declares a function that computes a column; for functions and for classes with ``__call__``.

    What it decorates stays as it is: call it, test it and subclass it as before. The kind follows
    from the hints of its parameters:

    - plain hints or none: *scalar*, called for each row with Python values (None for NULL; NumPy arrays
      for lists where the hint says np.ndarray). Returns one value, None for NULL;
    - ``pa.Array`` (or a subclass) for all: *batched*, called with one array of the same length for
      each column. Returns n values as a pa.Array, a NumPy array (n, or n x length for vectors), or a list;
    - one ``pa.RecordBatch``: *record batch*; ``input_columns`` names its columns. Returns like batched.

    A class is *stateful*: ``setup(self)``, if there is one, is called once in each worker process, before
    the first batch. Instances are declared with ``Embed()`` and pickled before setup().

    Several outputs: return a NamedTuple, a dataclass or a dict of values (batched: of arrays), or a
    pa.RecordBatch; each is a column.

    Args:
        data_type: the Arrow type of the values; pa.struct(...) or a schema for several outputs. Needed
            where the hint of what is returned does not say it: int is int64, float float64, str, bytes,
            bool, datetime timestamp[us, tz=UTC] (Spark's TIMESTAMP; without a zone it is taken as UTC),
            date date32, list[T], NamedTuple, dataclass and TypedDict structs, Optional[T] as T,
            Annotated[np.ndarray, 256] a vector of float32, NumPy's numbers their own types.
        input_columns: the columns, if they are not named like the parameters; in their order.
        batch_size: rows of a batch; adaptive if it is not given.
        batch_order: 'row', batches of rows that follow each other; or 'auto', of rows whose texts, bytes or
            lists have like lengths, so that a model pads them little. 'row' if batch_size is given, else
            'auto'.
        version: your own name for what the function computes. Without one its code is looked at.
        on_error: 'fail', 'null', 'retry(3)' or 'retry(3, 100ms), null'.
        row_timeout: how long one call may take, such as '5s'.
        intra_applier_concurrency: threads that call the function, in each task.
        thread_safe: False gives each of those threads its own instance.
        num_cpus: CPUs of a task; below 1, a task of one CPU has several such threads.
        num_gpus: GPUs of a task, or the part of one that it shares with others; their addresses are in
            CUDA_VISIBLE_DEVICES before the function is loaded.
        memory: what a task takes beside the executor's own, '2g' or a number of bytes.
        packages: the packages whose versions count on the workers, such as ['torch>=2.3,<3', 'regex'];
            others may have any version, and with [] all. Without it, the packages that the function imports
            must have the versions there that they have here.
        name: instead of the function's own name.

    Raises:
        BackfillError: INVALID_FUNCTION or INVALID_OPTION, with all faults at once.
    """
    given = dict(
        batch_size=batch_size,
        batch_order=batch_order,
        version=version,
        on_error=on_error,
        row_timeout=row_timeout,
        intra_applier_concurrency=intra_applier_concurrency,
        thread_safe=thread_safe,
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        memory=memory,
    )

    def declare(target: F) -> F:
        made = _declared(target, name, data_type, input_columns, given, packages)
        with _LOCK:
            known = _DECLARED.get(target)
            if known is not None and known != made:
                raise BackfillError(
                    "INVALID_FUNCTION",
                    "Function '%s' is declared already, with other options." % made.name,
                    "Define a second function that calls it, and declare that one.",
                )
            _DECLARED[target] = made
        return target

    return declare if function is None else declare(function)


def declaration_of(
    target: Any,
    data_type: Optional[OutputType] = None,
    input_columns: Optional[Sequence[str]] = None,
) -> Declaration:
    """What is known of a function or an instance; if it was not declared, read from its hints, with
    this type and these columns, if they are given.

    Raises BackfillError INVALID_FUNCTION.
    """
    if isinstance(target, type):
        raise BackfillError(
            "INVALID_FUNCTION",
            "%s is a class, and an instance of it computes." % target.__qualname__,
            "Give an instance: %s()." % target.__qualname__,
        )
    kinds = () if hints.is_function(target) else type(target).__mro__
    for key in (target, *kinds):
        try:
            known = _DECLARED.get(key)
        except TypeError:
            continue  # An instance that cannot be hashed; its class can.
        if known is not None:
            return known
    return _declared(target, None, data_type, input_columns, {})


def _declared(
    target: Any,
    name: Optional[str],
    data_type: Optional[OutputType],
    input_columns: Optional[Sequence[str]],
    given: Dict[str, Any],
    packages: Optional[Sequence[str]] = None,
) -> Declaration:
    told = name if name is not None else _name_of(target)
    faults = Faults()

    def invalid(problem: str, remedy: str) -> None:
        faults.add("INVALID_FUNCTION", "Function '%s' %s." % (told, problem), remedy)

    checked = options.checked(given, told, faults)
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        invalid("has a name that is none", "Give name='my_function': letters, digits and _.")
    pinned = _pins(packages, told, faults)
    _check_callable(target, invalid)
    faults.check()
    parameters: List[Parameter] = []
    style, output = hints.SCALAR, pa.null()
    returned: Any = inspect.Signature.empty
    try:
        parameters, returned = hints.read(target)
        style = hints.style_of(parameters)
    except Unclear as e:
        invalid("cannot be called on columns: %s" % e, "")
        faults.check()
    if style == hints.SCALAR and _returns_arrays(returned):
        invalid(
            "returns Arrow arrays, and its parameters have no hints",
            "Write pa.Array or pa.RecordBatch after the names of its parameters.",
        )
    elif data_type is None:
        try:
            output = hints.arrow_type(returned)
        except Unclear as e:
            invalid(
                "has no output type: %s" % e,
                "Give @udf(data_type=...), such as pa.float32() or pa.list_(pa.float32(), 256), or a "
                "hint such as -> float.",
            )
    elif isinstance(data_type, pa.Schema):
        output = pa.struct(list(data_type))
    elif isinstance(data_type, pa.DataType):
        output = data_type
    else:
        invalid(
            "has the data_type %r, which is no Arrow type" % (data_type,),
            "Give a pyarrow type, such as pa.float32().",
        )
    columns = _columns(style, parameters, input_columns, invalid)
    faults.check()
    return Declaration(told, style, output, tuple(parameters), columns, checked, pinned)


def _pins(
    packages: Optional[Sequence[str]], name: str, faults: Faults
) -> Optional[Tuple[Tuple[str, str], ...]]:
    if packages is None:
        return None
    given = packages if isinstance(packages, (list, tuple)) else [packages]
    pinned = []
    for one in given:
        pin = pins.parsed(one)
        if pin is None:
            faults.add(
                "INVALID_OPTION",
                "Option 'packages' of function '%s' has %r, which names no package with its versions."
                % (name, one),
                "Write 'torch', 'torch==2.4.1', 'torch==2.4.*' or 'torch>=2.3,<3'.",
            )
        else:
            pinned.append(pin)
    return tuple(sorted(pinned))


def _columns(
    style: str,
    parameters: Sequence[Parameter],
    input_columns: Optional[Sequence[str]],
    invalid: Callable[[str, str], None],
) -> Optional[Tuple[str, ...]]:
    if input_columns is None:
        if style == hints.RECORD_BATCH:
            invalid(
                "takes a pa.RecordBatch, and no columns are named",
                "Name them: @udf(input_columns=['image', 'caption'], ...).",
            )
        elif not [p for p in parameters if p.required]:
            invalid("takes no column", "Give it a parameter for each column that it reads.")
        return None
    columns = tuple(input_columns) if isinstance(input_columns, (list, tuple)) else ()
    if not columns or not all(isinstance(column, str) and column for column in columns):
        invalid(
            "has the input_columns %r" % (input_columns,), "Give a list of the names of columns."
        )
        return None
    if len(set(columns)) < len(columns) and style == hints.RECORD_BATCH:
        invalid("has input_columns that name a column twice", "Name each once.")
    problem = arity(style, parameters, columns)
    if problem:
        invalid(problem, "Give as many input_columns as it has parameters.")
    return columns


def arity(style: str, parameters: Sequence[Parameter], columns: Sequence[str]) -> Optional[str]:
    """What is wrong with the number of columns given; None if nothing is."""
    if style == hints.RECORD_BATCH:
        return None
    least = len([p for p in parameters if p.required])
    if least <= len(columns) <= len(parameters):
        return None
    return "takes %d columns (%s), and %d are given (%s)" % (
        least,
        ", ".join(p.name for p in parameters),
        len(columns),
        ", ".join(columns),
    )


def _check_callable(target: Any, invalid: Callable[[str, str], None]) -> None:
    kind = target if isinstance(target, type) else type(target)
    if isinstance(target, type):
        if "__call__" not in {name for one in target.__mro__ for name in vars(one)}:
            invalid("is a class without __call__", "Define __call__(self, ...), which computes.")
    elif not callable(target):
        invalid("is a %s, which cannot be called" % kind.__qualname__, "Give a function.")
    if not callable(target):
        return
    function = hints.called(target)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        invalid(
            "is asynchronous",
            "Make it a plain function, with intra_applier_concurrency for calls that wait.",
        )
    elif inspect.isgeneratorfunction(function):
        invalid("is a generator", "Return one value for each row, instead of yielding them.")
    setup = getattr(kind, "setup", None)
    if setup is not None and inspect.isfunction(setup):
        needed = [
            p
            for p in list(inspect.signature(setup).parameters.values())[1:]
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        if needed:
            invalid(
                "has a setup() with the parameter '%s'" % needed[0].name,
                "Give such values to __init__, and let setup(self) take none.",
            )


def _returns_arrays(returned: Any) -> bool:
    return isinstance(returned, type) and issubclass(returned, (pa.Array, pa.RecordBatch))


def _name_of(target: Any) -> str:
    function = getattr(target, "func", target)
    name = getattr(function, "__name__", None) or type(target).__name__
    name = re.sub(r"\W", "", str(name)) or "function"
    return name if not keyword.iskeyword(name) else name + "_"
