# Prints pickled functions that use a module of the user's own in three ways.
import base64
import json

import own_module
from own_module import clean
from pyspark.cloudpickle import dumps
from pyspark.sql.types import IntegerType


def module_attribute(x):
    return own_module.clean(x)


def module_function(x):
    return clean(x)


def module_inside(x):
    import own_module as inside

    return inside.clean(x)


functions = {
    function.__name__: base64.b64encode(dumps((function, IntegerType()))).decode()
    for function in (module_attribute, module_function, module_inside)
}
print("JSON" + json.dumps(functions))
