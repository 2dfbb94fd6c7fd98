"""Runs SQL files in a Spark session that knows one Python function, and shows what each statement gives.

run_sql.py FILE...

Environment: QUICKSTART_WORK, a folder; QUICKSTART_KILL_AT, the row of the model's at which the run kills itself, as a
power cut would; QUICKSTART_MODEL_SPEED, for tests: 0.1 makes the model ten times slower, 10 ten times faster.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import py3langid
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import pandas_udf
from pyspark.sql.types import StringType

LIMIT_S = 900
# Of results with many columns and rows, these are shown.
TELLING = ["fragment_id", "rows", "fresh", "stale", "failed", "never_computed", "unknown"]
TELLING += ["columns", "status", "fragments_planned", "fragments_committed", "rows_computed", "commits", "bytes_written"]


@pandas_udf(StringType())
def detect_language(texts: pd.Series) -> pd.Series:
    """The language of each text. py3langid keeps its model, so each worker process loads it once."""
    count_and_kill(len(texts))
    speed = float(os.environ.get("QUICKSTART_MODEL_SPEED", "1"))
    languages = []
    for place, text in enumerate(texts):
        if speed <= 1 or place % speed == 0:
            for _ in range(max(1, round(1 / speed))):
                language = py3langid.classify(text)[0]
        languages.append(language)
    return pd.Series(languages)


def count_and_kill(rows: int) -> None:
    """Counts the model's rows over all worker processes, and kills the driver in the batch that reaches the given one.

    With eight fragments in two tasks, at half of the rows two fragments are finished at least: their commits come for
    certain, however fast or slow the model is, and the kill waits for them.
    """
    kill_at = os.environ.get("QUICKSTART_KILL_AT")
    if not kill_at:
        return
    work = Path(os.environ["QUICKSTART_WORK"])
    with open(work / "rows", "ab") as counter:  # a byte for each row
        counter.write(b"." * rows)
        counter.flush()
        reached = counter.tell()
    if not reached - rows < int(kill_at) <= reached:
        return
    before = int((work / "versions-before").read_text())
    give_up = time.monotonic() + 120
    while (commits := versions(work) - before) < 2:
        if time.monotonic() > give_up:
            raise TimeoutError("Two fragments are finished, and were not committed within 120 s.")
        time.sleep(0.05)
    driver = int((work / "driver").read_text())
    (work / "killed").write_text(json.dumps({"driver": driver, "row": reached, "commits": commits}))
    os.kill(driver, signal.SIGKILL)


def versions(work: Path) -> int:
    return len(list((work / "tables/texts.lance/_versions").glob("*.manifest")))


def statements(sql: str) -> list[str]:
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]


def show(result: DataFrame) -> None:
    columns = result.columns
    if len(columns) > 8 and result.count() > 1:
        columns = [name for name in columns if name in TELLING]
    if columns:
        result.select(columns).show(100, truncate=60, vertical=len(columns) > 8)


def main(files: list[str]) -> None:
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"Not done after {LIMIT_S} s."))
    signal.alarm(LIMIT_S)
    spark = SparkSession.builder.getOrCreate()
    spark.udf.register("detect_language", detect_language)
    work = Path(os.environ["QUICKSTART_WORK"])
    (work / "driver").write_text(str(spark._jvm.java.lang.ProcessHandle.current().pid()))
    for file in files:
        (work / "versions-before").write_text(str(versions(work)))
        for statement in statements(Path(file).read_text(encoding="utf-8") + "\n"):
            print(f"\n{statement};", flush=True)
            result = spark.sql(statement)
            if "attached_by" in result.columns:
                (work / "result").write_text(json.dumps(result.first().asDict()))
            show(result)


if __name__ == "__main__":
    main(sys.argv[1:])
