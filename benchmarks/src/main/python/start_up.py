"""How long a job takes to start: BackfillMain from process start to its first row, and a session that runs.

    target/python/bin/python benchmarks/src/main/python/start_up.py --rounds 5

Needs a built repository (backfill-job/target/dist). A cold round is one spark-submit in local mode; the times of
its steps are those at which the JVM loaded the class that begins each (-Xlog:class+load), seconds since the JVM
began. Arms alternate: `--jars` with paths, which Spark copies for its executor; the jars on the class path, where
an image has them; and those with a class archive of the JVM, which a run before made (see docs/running.md). A warm
round appends rows and fills them; its numbers are `startup` of the job's record. Prints medians.
"""

import argparse
import glob
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4))
DIST = os.environ.get("LANCE_BACKFILL_JARS", os.path.join(REPOSITORY, "backfill-job", "target", "dist"))
sys.path.insert(0, glob.glob(os.path.join(DIST, "*-bundle.jar"))[0])

import pyspark

from lance_backfill import connect

# The class whose loading begins a step, in their order.
STEPS = [
    ("main", "io.lancebackfill.BackfillMain"),
    ("context", "org.apache.spark.SparkContext"),
    ("session", "org.apache.spark.sql.internal.SessionState"),
    ("call", "io.lancebackfill.job.CheckedCall"),
    ("native", "io.questdb.jar.jni.JarJniLoader"),
    ("native loaded", "org.lance.OpenDatasetBuilder"),
    ("plan", "io.lancebackfill.job.JobRun"),
    ("tasks given to Spark", "io.lancebackfill.run.PackJob"),
    ("first task", "io.lancebackfill.task.ColumnTask"),
    ("first row", "io.lancebackfill.task.OffsetBatch"),
]
LOADED = re.compile(r"\[(\d+\.\d+)s\].*?\] (\S+) source:")


def submit(root, installed, log, *java_options):
    """One job in a process of its own; `installed`: its jars are on the class path."""
    jars = sorted(glob.glob(os.path.join(DIST, "*.jar")))
    bundle = next(jar for jar in jars if jar.endswith("-bundle.jar"))
    others = ",".join(jar for jar in jars if jar != bundle)
    command = [
        os.path.join(os.path.dirname(pyspark.__file__), "bin", "spark-submit"),
        "--master", "local[2]",
        *(["--driver-class-path", ":".join(jars)] if installed else ["--jars", others]),
        "--conf", "spark.ui.enabled=false",
        "--conf", "spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions",
        "--conf", "spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog",
        "--conf", "spark.sql.catalog.lance.impl=dir",
        "--conf", "spark.sql.catalog.lance.root=" + root,
        "--driver-java-options",
        " ".join(["-Xlog:class+load=info:file=%s:uptime,tags:filecount=0" % log, *java_options]),
        "--class", "io.lancebackfill.BackfillMain", bundle,
        "--table", "lance.default.t", "--column", "n", "--recompute",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    found = {"process": wall, "cpu": sum(after[:2]) - sum(before[:2])}
    times = {}
    with open(log) as lines:
        for line in lines:
            match = LOADED.search(line)
            if match:
                times.setdefault(match.group(2), float(match.group(1)))
    for step, name in STEPS:
        if name in times:
            found[step] = times[name]
    found["classes"] = len(times)
    return found


def table(rows):
    for name, values in rows.items():
        print("| %s | %.2f |" % (name, statistics.median(values)))


def collect(into, found):
    for name, value in found.items():
        into.setdefault(name, []).append(value)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm", type=int, default=10)
    rounds = parser.parse_args()
    folder = tempfile.mkdtemp()
    try:
        root = os.path.join(folder, "tables")
        os.makedirs(root)
        os.environ.setdefault("PYSPARK_SUBMIT_ARGS", "--master local[2] pyspark-shell")
        db = connect(root, jars=DIST)
        db.spark.sparkContext.setLogLevel("ERROR")
        t = db.create_table("t", db.spark.range(0, 1000, 1, 2))
        t.add_columns({"n": "id + 1"})
        t.backfill("n")
        warm = {}
        for i in range(rounds.warm):
            db.spark.range(1000 + i, 1001 + i).writeTo("%s.default.t" % db.catalog).append()
            job = t.backfill("n")
            events = t._calls.rows("job", {"table": t.name, "job_id": job.job_id})
            collect(warm, dict(events[-1]["startup"], total=job.elapsed_ms / 1000))
        db.spark.stop()
        archive, log = os.path.join(folder, "classes.jsa"), os.path.join(folder, "classes.txt")
        submit(root, True, log, "-XX:ArchiveClassesAtExit=" + archive)
        arms = {
            "--jars": (False,),
            "--driver-class-path": (True,),
            "--driver-class-path and a class archive": (True, "-XX:SharedArchiveFile=" + archive),
        }
        cold = {arm: {} for arm in arms}
        for i in range(rounds.rounds):
            for arm, (installed, *options) in arms.items():
                collect(cold[arm], submit(root, installed, log, *options))
        for arm, found in cold.items():
            print("\ncold, spark-submit %s, %d rounds\n\n| step | seconds |\n|---|---|" % (arm, rounds.rounds))
            table(found)
        print("\nwarm, the same session, %d jobs\n\n| step | seconds |\n|---|---|" % rounds.warm)
        table(warm)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
