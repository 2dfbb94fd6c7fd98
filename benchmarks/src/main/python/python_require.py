"""What conditions on values cost a Python function, and what memory its backfill takes.

    target/python/bin/python benchmarks/src/main/python/python_require.py --rounds 5

Needs a built repository (backfill-job/target/dist), or --dist with the folder of its jars. The first part fills a
float32 vector with and without ``require => norm2(v) > 0, all_finite(v)``, the two in turns; round 0 warms up and is
not counted. Of 100 planted bad vectors each must be found. The second part fills the vector of a table and of one four
times as large in a JVM and workers of its own, and prints the largest resident memory of each.
"""

import argparse
import glob
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
VECTOR = 64


def functions():
    import numpy as np
    import pyarrow as pa

    from lance_backfill import udf

    def vector(id: pa.Array, planted: int) -> pa.Array:
        ids = id.to_numpy(zero_copy_only=False)
        values = (ids[:, None] % 977 + np.arange(1, VECTOR + 1)).astype("float32")
        if planted:
            values[ids % planted == 1] = 0
            values[ids % (2 * planted) == 1] = np.nan
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), VECTOR)

    def made(planted):
        @udf(version=str(planted), data_type=pa.list_(pa.float32(), VECTOR), name="vector_%d" % planted)
        def of(id: pa.Array) -> pa.Array:
            return vector(id, planted)

        return of

    return made


def table(spark, name, rows, fragments):
    from lance_backfill import connect

    spark.sql(
        "CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id"
        " FROM range(0, %d, 1, %d)" % (name, rows, fragments)
    ).collect()
    return connect(catalog="lance", spark=spark).open_table("default." + name)


def require(session, cpu_seconds, rows, rounds):
    with tempfile.TemporaryDirectory() as root:
        spark = session(root)
        t = table(spark, "required", rows, 20)
        made = functions()
        good, bad = made(0), made(rows // 100)
        for i in range(rounds):
            t.add_columns({"free_%d" % i: good})
            conditions = ["norm2(held_%d) > 0" % i, "all_finite(held_%d)" % i]
            t.add_columns({"held_%d" % i: good}, require=conditions)
        t.add_columns({"bad": bad}, require=["norm2(bad) > 0", "all_finite(bad)"])
        took = {"free": [], "held": []}
        for i in range(rounds):
            for arm in took if i % 2 else reversed(list(took)):
                began, used = time.time(), cpu_seconds()
                t.backfill("%s_%d" % (arm, i))
                took[arm].append((time.time() - began, cpu_seconds() - used))
        print("\n| %d rows of float32[%d] | s, median | CPU s, median |\n|---|---|---|" % (rows, VECTOR))
        for arm, what in (("free", "without conditions"), ("held", "with two conditions")):
            wall, cpu = zip(*took[arm][1:])
            print("| %s | %.2f | %.2f |" % (what, statistics.median(wall), statistics.median(cpu)))
        found = t.backfill("bad", on_error="null").rows_failed
        print("planted bad vectors found: %d of 100" % found)
        spark.stop()


def resident(pid):
    """Bytes in memory of a process and of all that it started, as (the JVM's, the others')."""
    parents, sizes, names = {}, {}, {}
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % one) as stat:
                text = stat.read()
        except OSError:
            continue  # it ended
        words = text.rsplit(")", 1)[1].split()
        parents[int(one)] = int(words[1])
        sizes[int(one)] = int(words[21]) * os.sysconf("SC_PAGE_SIZE")
        names[int(one)] = text.split("(", 1)[1].rsplit(")", 1)[0]
    jvm = workers = 0
    for one in sizes:
        of = one
        while of and of != pid:
            of = parents.get(of, 0)
        if of and one != pid:
            if names[one] == "java":
                jvm += sizes[one]
            else:
                workers += sizes[one]
    return jvm, workers


def memory(rows, dist):
    for factor in (1, 4):
        program = [sys.executable, os.path.abspath(__file__), "--fill", str(rows * factor), "--dist", dist]
        subprocess.run(program, check=True)


def fill(session, rows):
    with tempfile.TemporaryDirectory() as root:
        spark = session(root)
        t = table(spark, "large", rows, max(20, rows // 50_000))
        t.add_columns({"v": functions()(0)})
        most, ended = [0, 0], threading.Event()

        def watch():
            while not ended.wait(0.05):
                for i, size in enumerate(resident(os.getpid())):
                    most[i] = max(most[i], size)

        watching = threading.Thread(target=watch)
        watching.start()
        t.backfill("v")
        ended.set()
        watching.join()
        print("| %d | %d | %d |" % (rows, most[0] >> 20, most[1] >> 20), flush=True)
        spark.stop()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--dist", default="")
    arguments.add_argument("--fill", type=int, default=0)
    given = arguments.parse_args()
    import python_functions as common

    if given.dist:
        common.DIST = given.dist
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if given.fill:
        fill(common.session, given.fill)
        return
    require(common.session, common.cpu_seconds, given.rows, given.rounds + 1)
    print("\n| rows | MB of the JVM | MB of the workers |\n|---|---|---|", flush=True)
    memory(given.rows, common.DIST)


if __name__ == "__main__":
    main()
