"""What the bytecode of a function does, whatever lines and docstrings it came from."""

import bisect
import dis
import re
import types

# Names that a class body stores without being asked to.
_IGNORED_STORES = frozenset(["__doc__", "__firstlineno__", "__static_attributes__"])

# Operations that compute nothing.
_NO_OPERATIONS = frozenset(["EXTENDED_ARG", "NOP", "CACHE", "PUSH_NULL"])

# Whether a method is called as one depends on whether the module that has it was imported in the
# same compilation: in a script, not in a shell.
_METHOD_CALLS = {"LOAD_METHOD": "LOAD_ATTR", "CALL_METHOD": "CALL_FUNCTION"}

_FAST_PAIR = re.compile(r"(?:LOAD|STORE)_FAST(?:_BORROW)?(?=_LOAD|_STORE|$)")


def instructions(code):
    """A list of (operation, operand) without what depends on lines, docstrings or the numbering of
    constants, and the exception handlers. Operands are names, constants, or the index of the
    instruction jumped to."""
    everything = [
        instruction
        for instruction in dis.get_instructions(code)
        if instruction.opname not in _NO_OPERATIONS
    ]
    ignored = _ignored_stores(everything)
    kept = [instruction for i, instruction in enumerate(everything) if i not in ignored]
    offsets = [instruction.offset for instruction in kept]

    def index(offset):
        return bisect.bisect_left(offsets, offset)

    jumps = set(dis.hasjrel) | set(dis.hasjabs)
    result = []
    for instruction in kept:
        if instruction.opcode in jumps:
            result.append((instruction.opname, index(instruction.argval)))
        else:
            result.extend(_operation(instruction))
    handlers = tuple(
        (index(e.start), index(e.end), index(e.target), e.depth, bool(e.lasti))
        for e in getattr(dis.Bytecode(code), "exception_entries", ())
    )
    return result, handlers


def _operation(instruction):
    name, operand = instruction.opname, instruction.argval
    if isinstance(operand, tuple) and "_FAST_" in name and len(operand) == 2:
        # Two operations that the compiler joins if they stand on one line.
        parts = _FAST_PAIR.findall(name)
        if len(parts) == 2:
            return list(zip(parts, operand))
    if instruction.arg is None:
        return [(name, None)]
    if instruction.opcode in dis.hascompare:
        # The low bits of some operands are flags, which only the text shows.
        return [(name, instruction.argrepr)]
    if (
        instruction.opcode in dis.hasname
        or instruction.opcode in dis.hasconst
        or instruction.opcode in dis.haslocal
        or instruction.opcode in dis.hasfree
    ):
        return [(_METHOD_CALLS.get(name, name), operand)]
    return [(_METHOD_CALLS.get(name, name), instruction.arg)]


def _ignored_stores(instructions):
    """Indices of instructions that give a class body its docstring and line number."""
    ignored: "set[int]" = set()
    for i, instruction in enumerate(instructions):
        if instruction.opname == "STORE_NAME" and instruction.argval in _IGNORED_STORES:
            if i > 0 and instructions[i - 1].opname.startswith("LOAD_"):
                ignored.update((i - 1, i))
    return ignored


class Names:
    """Names that a function and those nested in it load, take from objects, and import."""

    def __init__(self):
        self.loaded = set()
        self.attributes = set()
        self.imported = set()

    @staticmethod
    def of(code):
        names = Names()
        names._collect(code)
        return names.loaded, names.attributes, names.imported

    def _collect(self, code):
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                self.loaded.add(instruction.argval)
            elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
                self.attributes.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                self.imported.add(instruction.argval)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._collect(constant)
