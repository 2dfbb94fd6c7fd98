"""Meets the codes that only the Python package has, and prints them with what docs/errors.md says of them.

A JSON list of [code, meaning, remedy, example, message].
"""

import json
import types

from pyspark import SparkConf

from lance_backfill import BackfillError
from lance_backfill.client import environment, replay
from lance_backfill.declare import travel
from lance_backfill.errors import OWN_CODES

# The example, and what is done with it where a table would be asked for.
EXAMPLES = {
    "SESSION_NOT_CONFIGURED": (
        "spark = SparkSession.builder.getOrCreate()\nconnect('/data/lance', spark=spark)",
        lambda: unconfigured(),
    ),
    "FUNCTION_NOT_PORTABLE": (
        "lock = threading.Lock()\n\n@udf\ndef embed(caption: str) -> bytes:\n    with lock:\n"
        "        return model.encode(caption)\n\ntable.add_columns({'embedding': embed})",
        lambda: not_portable(),
    ),
    "MANIFEST_NOT_HERE": (
        "table.preview('embedding')",
        lambda: elsewhere(),
    ),
    "ROW_NOT_FOUND": (
        "table.replay(error)",
        lambda: row_gone(),
    ),
}


def unconfigured():
    from lance_backfill import connect

    # Of a session connect asks the settings only.
    connect("/data/lance", spark=types.SimpleNamespace(conf=SparkConf(loadDefaults=False)))


def not_portable():
    import threading

    lock = threading.Lock()

    def embed(caption):
        with lock:
            return caption.encode()

    travel.pickled(embed, "embed")


def elsewhere():
    context = types.SimpleNamespace(master="spark://master:7077")
    session = types.SimpleNamespace(sparkContext=context)
    environment.variables(types.SimpleNamespace(spark=session), "nightly", "preview")


def row_gone():
    raise replay._gone(types.SimpleNamespace(table="default.images", fragment=3, offset=17))


def entries():
    found = []
    for code, (meaning, remedy) in OWN_CODES.items():
        example, meet = EXAMPLES[code]
        try:
            meet()
        except BackfillError as e:
            assert e.code == code, e
            found.append([code, meaning, remedy, example, str(e)])
        else:
            raise AssertionError(code)
    return found


if __name__ == "__main__":
    print(json.dumps(entries()))
