"""Runs SQL files in a Spark session that knows one Python function, and shows what each statement gives.

run_sql.py FILE...
"""

import sys
from pathlib import Path

import pandas as pd
import py3langid
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf
from pyspark.sql.types import StringType


@pandas_udf(StringType())
def detect_language(texts: pd.Series) -> pd.Series:
    """The language of each text. py3langid keeps its model, so each worker process loads it once."""
    return texts.map(lambda text: py3langid.classify(text)[0])


def statements(sql: str) -> list[str]:
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]


def main(files: list[str]) -> None:
    spark = SparkSession.builder.getOrCreate()
    spark.udf.register("detect_language", detect_language)
    for file in files:
        for statement in statements(Path(file).read_text(encoding="utf-8") + "\n"):
            print(f"\n{statement};", flush=True)
            result = spark.sql(statement)
            if result.columns:
                result.show(100, truncate=60, vertical=len(result.columns) > 8)


if __name__ == "__main__":
    main(sys.argv[1:])
