# Prints hashes of one function under several versions of Python, and it as a broadcast file.
import base64
import json
import pickle
import sys

from lance_backfill.fingerprint.canonical import canonical_hash
from pyspark.cloudpickle import dumps
from pyspark.sql.types import IntegerType


def encoded(data):
    return base64.b64encode(data).decode()


function = lambda x: x + 1  # noqa: E731
versions = {"running": None, "same": sys.version_info[:2], "other": (sys.version_info[0], 99)}
values = {
    name: encoded(canonical_hash(function, python_version=version).encode())
    for name, version in versions.items()
}
values["broadcast"] = encoded(pickle.dumps(dumps((function, IntegerType()))))
print("JSON" + json.dumps(values))
