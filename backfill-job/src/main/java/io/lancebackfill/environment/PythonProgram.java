package io.lancebackfill.environment;

import org.apache.spark.SparkContext;

/** The program that Python workers run. */
public final class PythonProgram {
  private PythonProgram() {}

  /** As PySpark finds it, where no Python program runs the session. */
  public static String of(SparkContext context) {
    String environment = System.getenv("PYSPARK_PYTHON");
    return context
        .conf()
        .get("spark.pyspark.python", environment == null ? "python3" : environment);
  }
}
