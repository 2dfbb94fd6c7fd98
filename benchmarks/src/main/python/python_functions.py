"""What a Python function costs: backfills beside mapInArrow, pandas_udf, pylance and the write alone.

    target/python/bin/python benchmarks/src/main/python/python_functions.py --rounds 5

Needs a built repository (backfill-job/target/dist). Every round runs each arm once, each on columns or
copies of its own; the first --warm rounds are not counted. Prints medians of wall and CPU seconds; CPU seconds
are those of this process, the JVM and all Python workers. In the end a function that waits, beside its ideal.
"""

import argparse
import glob
import os
import shutil
import statistics
import sys
import tempfile
import time

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4))
DIST = os.path.join(REPOSITORY, "backfill-job", "target", "dist")
sys.path[:0] = glob.glob(os.path.join(DIST, "*-bundle.jar"))[:1]

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

from lance_backfill import connect, udf

FRAGMENTS = 20
VECTOR = 256
WAIT = 0.002  # seconds a row


@udf(version="1", data_type=pa.int32())
def length(text: pa.Array) -> pa.Array:
    return pc.cast(pc.utf8_length(text), pa.int32())


@udf(version="1", data_type=pa.list_(pa.float32(), VECTOR))
def vector(text: pa.Array) -> pa.Array:
    lengths = pc.utf8_length(text).to_numpy(zero_copy_only=False).astype("float32")
    values = (lengths[:, None] + np.arange(VECTOR, dtype="float32")).ravel()
    return pa.FixedSizeListArray.from_arrays(pa.array(values), VECTOR)


@udf(version="1")
def waiting(id: int) -> int:
    time.sleep(WAIT)
    return id * 2


def cpu_seconds():
    """Of this process and all that it started, ended ones too."""
    ticks, parents = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as stat:
                words = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended
        parents[int(pid)] = int(words[1])
        ticks[int(pid)] = sum(int(word) for word in words[11:15])
    total = 0
    for pid, used in ticks.items():
        of = pid
        while of and of != os.getpid():
            of = parents.get(of, 0)
        total += used if of else 0
    return total / os.sysconf("SC_CLK_TCK")


def session(root):
    settings = {
        "spark.jars": ",".join(glob.glob(os.path.join(DIST, "*.jar"))),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "3g",
        "spark.sql.extensions": "io.lancebackfill.sql.LanceBackfillExtensions",
        "spark.sql.catalog.lance": "io.lancebackfill.catalog.LanceBackfillCatalog",
        "spark.sql.catalog.lance.impl": "dir",
        "spark.sql.catalog.lance.root": root,
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


class Workload:
    def __init__(self, spark, root, name, rows, function, spark_type, fragments=FRAGMENTS):
        self.spark, self.root, self.name, self.rows = spark, root, name, rows
        self.function, self.spark_type = function, spark_type
        db = connect(catalog="lance", spark=spark)
        spark.sql(
            "CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id,"
            " concat('text ', id %% 977) AS text FROM range(0, %d, 1, %d)" % (name, rows, fragments)
        ).collect()
        self.table = db.open_table("default." + name)
        self.path = glob.glob(os.path.join(root, "*" + name + "*"))[0]

    def declare(self, rounds):
        self.table.add_columns({"ours_%d" % i: self.function for i in range(rounds)})
        if self.spark_type == "int":
            # Spark's own function, in an expression: values that are rows and pandas Series on the way.
            self.spark.udf.register(
                "series", pandas_udf(lambda text: text.str.len().astype("int32"), "int")
            )
            self.spark.udf.register("loop", lambda text: len(text), "int")
            for name in ("series", "loop"):
                for i in range(rounds):
                    self.spark.sql(
                        "CALL lance.system.add_column(table => 'default.%s', column => '%s_%d', expression"
                        " => '%s(text)', options => map('version', '1'))" % (self.name, name, i, name)
                    ).collect()

    def arms(self):
        arms = {
            "lance_backfill, pa.Array function": lambda i: self.table.backfill("ours_%d" % i),
            "mapInArrow, nothing written": lambda i: self.bare(),
            "pylance add_columns, one process": lambda i: self.pylance(),
            "write alone: pylance add_columns of values at hand": lambda i: self.write(),
        }
        if self.spark_type == "int":
            arms["backfill, pandas_udf in an expression"] = lambda i: self.table.backfill("series_%d" % i)
            arms["backfill, udf called row by row"] = lambda i: self.table.backfill("loop_%d" % i)
        return arms

    def bare(self):
        function = self.function

        def run(batches):
            for batch in batches:
                values = function(batch.column(0))
                if isinstance(values, pa.FixedSizeListArray):  # Spark knows lists only
                    values = values.cast(pa.list_(pa.float32()))
                yield pa.RecordBatch.from_arrays([values], ["value"])

        rows = self.spark.table("lance.default." + self.name).select("text")
        rows.mapInArrow(run, "value " + self.spark_type).write.format("noop").mode("overwrite").save()

    def copy(self):
        copy = os.path.join(self.root, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.path, copy)
        return lance.dataset(copy)

    def pylance(self):
        function = self.function
        self.copied.add_columns(
            lambda batch: pa.RecordBatch.from_arrays([function(batch.column("text"))], ["value"]),
            read_columns=["text"],
        )

    def write(self):
        values = pa.RecordBatch.from_arrays([self.function(pa.array(["text 1"] * 4096))], ["value"])
        left = self.rows

        def batches():
            nonlocal left
            while left:
                rows = min(left, values.num_rows)
                left -= rows
                yield values.slice(0, rows)

        self.copied.add_columns(pa.RecordBatchReader.from_batches(values.schema, batches()))

    def run(self, warm, rounds, chosen):
        self.declare(warm + rounds)
        wall, cpu = {}, {}
        arms = {arm: body for arm, body in self.arms().items() if any(part in arm for part in chosen)}
        for i in range(warm + rounds):
            for arm, body in arms.items():
                if "pylance" in arm:
                    self.copied = self.copy()
                began, used = time.time(), cpu_seconds()
                body(i)
                if i >= warm:
                    wall.setdefault(arm, []).append(time.time() - began)
                    cpu.setdefault(arm, []).append(cpu_seconds() - used)
        print("\n%s: %d rows, %d rounds\n" % (self.name, self.rows, rounds))
        print("| arm | s, median (min to max) | CPU s, median |\n|---|---|---|")
        for arm, seconds in wall.items():
            print(
                "| %s | %.2f (%.2f to %.2f) | %.2f |"
                % (arm, statistics.median(seconds), min(seconds), max(seconds), statistics.median(cpu[arm]))
            )


def waits(spark, root, rows, rounds):
    """What a function that takes 2 ms a row loses to all else, on two slots."""
    began = time.time()
    for i in range(500):
        time.sleep(WAIT)
    ideal = rows * (time.time() - began) / 500 / 2
    print("\nwaits: %d rows of %.0f ms, %d rounds\n" % (rows, WAIT * 1000, rounds))
    print("| fragments | ideal, s | s, median (min to max) | times the ideal |\n|---|---|---|---|")
    for fragments in (2, FRAGMENTS):
        work = Workload(spark, root, "waits_%d" % fragments, rows, waiting, "int", fragments)
        work.table.add_columns({"ours_%d" % i: waiting for i in range(rounds + 1)})
        seconds = []
        for i in range(rounds + 1):
            began = time.time()
            work.table.backfill("ours_%d" % i)
            seconds.append(time.time() - began)
        median = statistics.median(seconds[1:])
        print("| %d | %.2f | %.2f (%.2f to %.2f) | %.2f |"
              % (fragments, ideal, median, min(seconds[1:]), max(seconds[1:]), median / ideal))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--ints", type=int, default=4_000_000)
    arguments.add_argument("--vectors", type=int, default=400_000)
    arguments.add_argument("--waits", type=int, default=4_000)
    arguments.add_argument("--warm", type=int, default=1, help="rounds that are not counted, at first")
    arguments.add_argument("--arms", default="", help="parts of their names, with commas; all of them without")
    given = arguments.parse_args()
    chosen = given.arms.split(",")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as root:
        spark = session(root)
        Workload(spark, root, "ints", given.ints, length, "int").run(given.warm, given.rounds, chosen)
        Workload(spark, root, "vectors", given.vectors, vector, "array<float>").run(given.warm, given.rounds, chosen)
        waits(spark, root, given.waits, given.rounds)
        spark.stop()


if __name__ == "__main__":
    main()
