package io.lancebackfill.cluster.harness;

import static org.apache.spark.sql.functions.expr;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/** An application for cluster mode: counts groups, and writes down how many there were. */
public final class CountJob {
  private CountJob() {}

  /**
   * Runs it.
   *
   * @param args how many groups; the file for the count
   */
  public static void main(String[] args) throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      long groups = spark.range(0, 10_000, 1, 4).groupBy(expr("id % " + args[0])).count().count();
      System.out.println(groups + " groups, master " + spark.sparkContext().master());
      Files.writeString(Path.of(args[1]), String.valueOf(groups));
    }
  }
}
