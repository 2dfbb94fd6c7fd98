# Prints a JSON object of pickled functions by name, as pyspark would send them to its workers.
# Runs as a script and line by line in a shell: a block ends at a blank line and holds none.
import base64
import collections
import dataclasses
import enum
import functools
import json
import re
import sys
import threading
import typing
import uuid
import numpy as np
from pyspark.cloudpickle import dumps
from pyspark.sql.types import IntegerType
FUNCTIONS = {}
def variant(name, function, return_type=IntegerType()):
    FUNCTIONS[name] = base64.b64encode(dumps((function, return_type))).decode()

def define(name, source, function="f", **values):
    scope = {"__name__": "__main__"}
    scope.update(values)
    exec(source, scope)
    variant(name, scope[function])

# One function in many texts.
def f(x, y=2, *, z=3):
    if x in {"red", "green", "blue", "black", "white"}:
        return y
    return z + len(x) * 1000

variant("base", f)
define("same", """
def f(x, y=2, *, z=3):
    if x in {"red", "green", "blue", "black", "white"}:
        return y
    return z + len(x) * 1000
""")
define("formatted", """
# A comment.


def f(x: str, y: int = 2, *,
      z=3) -> int:
        '''Says what it does.

        At length.'''
        # Colours are short.
        if x in {"red", "green",
                 "blue", "black", "white"}:

            return y
        pass
        return (z
                + len(x) * 1000)
""")
define("renamed", """
def g(x, y=2, *, z=3):
    if x in {"white", "red", "green", "blue", "black"}:
        return y
    return z + len(x) * 1000
""", "g")
define("constant", "def f(x, y=2, *, z=3):\n  if x in {'red', 'green', 'blue', 'black', 'white'}:\n    return y\n  return z + len(x) * 1001")
define("member", "def f(x, y=2, *, z=3):\n  if x in {'red', 'green', 'blue', 'black', 'grey'}:\n    return y\n  return z + len(x) * 1000")
define("default", "def f(x, y=4, *, z=3):\n  if x in {'red', 'green', 'blue', 'black', 'white'}:\n    return y\n  return z + len(x) * 1000")
define("keyword_default", "def f(x, y=2, *, z=5):\n  if x in {'red', 'green', 'blue', 'black', 'white'}:\n    return y\n  return z + len(x) * 1000")
define("operator", "def f(x, y=2, *, z=3):\n  if x in {'red', 'green', 'blue', 'black', 'white'}:\n    return y\n  return z - len(x) * 1000")
define("called", "def f(x, y=2, *, z=3):\n  if x in {'red', 'green', 'blue', 'black', 'white'}:\n    return y\n  return z + hash(x) * 1000")
variant("return_type", f, "BIGINT")
variant("one_lambda", lambda x: x + 1)
define("one_def", "def f(x):\n  'Adds.'\n  return x + 1")
# Helpers, globals, closures.
HELPED = """
def helper(x):
    return x + {add}

def unused(x):
    return {unused}

LIMITS = {limits}

def f(x):
    return helper(x) if x > max(LIMITS) else [helper(i) for i in LIMITS]
"""
define("helped", HELPED.format(add=1, unused=1, limits="{3, 1, 2}"))
define("helped_unused", HELPED.format(add=1, unused=2, limits="{1, 2, 3}"))
define("helped_code", HELPED.format(add=2, unused=1, limits="{1, 2, 3}"))
define("helped_value", HELPED.format(add=1, unused=1, limits="{1, 2, 4}"))
def closed(a, more):
    def inner(x):
        return x * a + len(more)
    return inner

variant("closure", closed(1, {"a": [1, 2.5, None], "b": ("x", b"y")}))
variant("closure_same", closed(1, {"a": [1, 2.5, None], "b": ("x", b"y")}))
variant("closure_number", closed(2, {"a": [1, 2.5, None], "b": ("x", b"y")}))
variant("closure_nested", closed(1, {"a": [1, 2.5, None], "b": ("x", b"z")}))
define("recursive", "def f(x):\n  return 1 if x < 2 else g(x - 1)\ndef g(x):\n  return x * f(x - 1)")
define("recursive_changed", "def f(x):\n  return 1 if x < 2 else g(x - 1)\ndef g(x):\n  return x + f(x - 1)")
LOOP = [1]
LOOP.append(LOOP)
variant("cyclic_value", lambda x: len(LOOP))
# Wrappers.
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def plus(x, y=1):
    return x + y

def minus(x, y=1):
    return x - y

variant("wrapped", logged(plus))
variant("wrapped_other", logged(minus))
variant("partial", functools.partial(plus, y=2))
variant("partial_value", functools.partial(plus, y=3))
variant("partial_function", functools.partial(minus, y=2))
class Holder:
    def __init__(self, function):
        self.func = function
    def __call__(self, *args):
        return self.func(*args)

Holder.__module__ = "pyspark.sql.udf"
variant("spark_wrapper", Holder(plus))
variant("plain", plus)
# Classes and objects.
MODEL = """
class Model:
    '''{doc}'''
    names = {names}
    def __init__(self, weights):
        self.weights = weights
        self.cache = {{}}
    def predict(self, x):
        return sum(w * x for w in self.weights) {more}

class Call:
    def __init__(self, model):
        self.model = model
    def __call__(self, x):
        return self.model.predict(x)

f = Call(Model({weights}))
"""
define("object", MODEL.format(doc="A", names="{'p', 'q'}", more="", weights=[1, 2]))
define("object_doc", MODEL.format(doc="B\n    more", names="{'q', 'p'}", more="", weights=[1, 2]))
define("object_state", MODEL.format(doc="A", names="{'p', 'q'}", more="", weights=[1, 3]))
define("object_method", MODEL.format(doc="A", names="{'p', 'q'}", more="+ 1", weights=[1, 2]))
define("object_attribute", MODEL.format(doc="A", names="{'p', 'r'}", more="", weights=[1, 2]))
KINDS = """
import collections, dataclasses, enum, typing
class Colour(enum.Enum):
    RED = {red}
    BLUE = 2
    def other(self):
        return Colour.BLUE

@dataclasses.dataclass
class Point:
    x: int
    y: int = {y}

T = typing.TypeVar("T")
Pair = collections.namedtuple("Pair", "a b")
class Base:
    @property
    def size(self):
        return {size}
    @classmethod
    def make(cls):
        return cls()
    @staticmethod
    def two():
        return 2

class Derived(Base, typing.Generic[T]):
    __slots__ = ("only",)
    def sized(self):
        return super().size

def f(x):
    return Point(x), Colour.RED.other(), Pair(1, 2), Derived.make().sized()
"""
define("kinds", KINDS.format(red=1, y=2, size=3))
define("kinds_same", KINDS.format(red=1, y=2, size=3))
define("kinds_enum", KINDS.format(red=7, y=2, size=3))
define("kinds_dataclass", KINDS.format(red=1, y=7, size=3))
define("kinds_property", KINDS.format(red=1, y=2, size=7))
# Values of libraries.
PATTERN = re.compile("a+b")
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
variant("library", lambda x: PATTERN.match(x) and ARRAY.sum() and np.sqrt(2) and json.dumps(x))
PATTERN_2 = re.compile("a+c")
define("library_same", "f = lambda x: PATTERN.match(x) and ARRAY.sum() and np.sqrt(2) and json.dumps(x)", PATTERN=re.compile("a+b"), ARRAY=ARRAY.copy(), np=np, json=json)
define("library_pattern", "f = lambda x: PATTERN.match(x) and ARRAY.sum() and np.sqrt(2) and json.dumps(x)", PATTERN=PATTERN_2, ARRAY=ARRAY, np=np, json=json)
define("library_array", "f = lambda x: PATTERN.match(x) and ARRAY.sum() and np.sqrt(2) and json.dumps(x)", PATTERN=PATTERN, ARRAY=ARRAY + 1, np=np, json=json)
GENERATOR = """
def f(x):
    def inner():
        try:
            with open(x) as file:
                yield from (line for line in file if {condition})
        except (OSError, ValueError) as e:
            yield str(e)
        finally:
            print("done")
    class Local:
        '''Documented.'''
        def run(self):
            return list(inner())
    return Local().run()
"""
define("generator", GENERATOR.format(condition="line"))
define("generator_same", GENERATOR.replace("        '''Documented.'''\n", "").replace("yield str(e)", "yield str(\n                e)").format(condition="line"))
define("generator_changed", GENERATOR.format(condition="not line"))
# What has no fingerprint.
class Remade:
    def __init__(self, *args):
        pass
    def __reduce__(self):
        return Remade, (str(uuid.uuid4()),)

class Locked:
    def __reduce__(self):
        return threading.Lock, ()

REMADE, LOCKED = Remade(), Locked()
variant("needs_version_random", lambda x: REMADE)
variant("needs_version_lock", lambda x: LOCKED)
print("JSON" + json.dumps(FUNCTIONS))
