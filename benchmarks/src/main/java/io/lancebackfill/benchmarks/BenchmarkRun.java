package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;

/**
 * All arms of a workload, round robin: each round runs every arm once, on a fresh copy of the
 * table, so that what disturbs the machine meets them alike. Round 0 warms up; it is measured and
 * not counted. After every fill the values are compared with those of a plain SELECT.
 */
final class BenchmarkRun {
  private final SparkSession spark;
  private final Workload workload;
  private final int slots;
  private final TableFolders folders;
  private final Consumer<Measurement> listener;

  /**
   * @param root the folder of the catalog {@code lance}
   */
  BenchmarkRun(
      SparkSession spark, Workload workload, Path root, int slots, Consumer<Measurement> listener) {
    this.spark = spark;
    this.workload = workload;
    this.slots = slots;
    this.folders = new TableFolders(spark, root);
    this.listener = listener;
  }

  /**
   * @param rounds measured rounds, after the one that warms up
   * @param wanted ids of the arms to run; all if empty
   * @throws IllegalStateException if an arm leaves wrong values
   */
  List<Measurement> run(int rounds, Set<String> wanted) throws Exception {
    if (rounds < 1) {
      throw new IllegalArgumentException("%d rounds measure nothing".formatted(rounds));
    }
    TableCopy source = folders.create(workload);
    BackfillArm byFunction = new BackfillArm(spark, true);
    List<Arm> arms =
        List.of(
            new FloorArm(slots, workload.fileFormatVersion()),
            byFunction,
            new BackfillArm(spark, false),
            new LanceSparkArm(spark),
            new SelectArm(spark));
    List<Arm> chosen =
        arms.stream().filter(arm -> wanted.isEmpty() || wanted.contains(arm.id())).toList();
    if (chosen.size() < wanted.size()) {
      throw new IllegalArgumentException(
          "Cannot run arms %s; there are %s"
              .formatted(wanted, arms.stream().map(Arm::id).toList()));
    }
    List<Measurement> measurements = new ArrayList<>();
    for (Fill fill : workload.fills()) {
      byFunction.register(fill);
      TableCopy reference = reference(source, fill, arms.get(0));
      for (int round = 0; round <= rounds; round++) {
        for (Arm arm : chosen) {
          Measurement measurement = measure(arm, source, reference, fill, round);
          measurements.add(measurement);
          listener.accept(measurement);
        }
      }
      TableFolders.delete(reference.folder());
    }
    return measurements;
  }

  /** A filled copy of which a plain SELECT says that its values are right. */
  private TableCopy reference(TableCopy source, Fill fill, Arm arm) throws Exception {
    TableCopy reference = folders.copy(source);
    arm.fill(reference, fill);
    long wrong =
        spark
            .table(reference.name())
            .where("NOT (%s <=> (%s))".formatted(TableCopy.COLUMN, fill.expression()))
            .count();
    if (wrong > 0 || spark.table(reference.name()).count() != workload.rows()) {
      throw new IllegalStateException(
          "%d rows of %s differ from a SELECT of the expression".formatted(wrong, fill.name()));
    }
    return reference;
  }

  private Measurement measure(Arm arm, TableCopy source, TableCopy reference, Fill fill, int round)
      throws Exception {
    TableCopy table = folders.copy(source);
    long before = TableFolders.bytes(table.folder());
    System.gc();
    ProcessUse start = ProcessUse.now();
    arm.fill(table, fill);
    ProcessUse use = ProcessUse.now().since(start);
    long differences = arm.writes() ? checked(arm, table, reference) : -1;
    Measurement measurement =
        new Measurement(
            fill.name(),
            arm.name(),
            round,
            use.nanos() / 1e9,
            use.cpuNanos() / 1e9,
            TableFolders.bytes(table.folder()) - before,
            use.writtenBytes(),
            differences);
    TableFolders.delete(table.folder());
    return measurement;
  }

  private static long checked(Arm arm, TableCopy table, TableCopy reference) throws Exception {
    long differences = ColumnComparison.differences(table, reference);
    if (differences > 0) {
      throw new IllegalStateException(
          "%s left %d wrong values in %s".formatted(arm.name(), differences, table.name()));
    }
    return differences;
  }
}
