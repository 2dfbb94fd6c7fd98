# Prints pickled functions that take 1 ms a row and add a byte to a file for each row begun.
import base64
import json
import sys

from pyspark.cloudpickle import dumps
from pyspark.sql.types import IntegerType

COUNTER = sys.argv[1]


def count():
    import time

    with open(COUNTER, "ab") as file:
        file.write(b".")
    time.sleep(0.001)


def plain(x):
    count()
    return x + 1


def pandas(series):
    return series.map(plain)


functions = {
    name: base64.b64encode(dumps((function, IntegerType()))).decode()
    for name, function in [("plain", plain), ("pandas", pandas)]
}
functions["version"] = base64.b64encode(b"%d.%d" % sys.version_info[:2]).decode()
print("JSON" + json.dumps(functions))
