package io.lancebackfill.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** The workload's table and its copies, in the folder of the session's catalog. */
final class TableFolders {
  private final SparkSession spark;
  private final Path root;
  private int copies;

  TableFolders(SparkSession spark, Path root) {
    this.spark = spark;
    this.root = root;
  }

  /** Makes the table with one fragment for each partition. */
  TableCopy create(Workload workload) throws IOException {
    String name = "lance.default.source";
    List<Column> columns = new ArrayList<>();
    columns.add(functions.col("id"));
    for (Workload.Column column : workload.columns()) {
      columns.add(
          functions
              .expr(column.expression())
              .as(column.name(), LanceSparkArm.typeOf(column.vector())));
    }
    spark
        .range(0, workload.rows(), 1, workload.fragments())
        .select(columns.toArray(Column[]::new))
        .createOrReplaceTempView("source_rows");
    spark.sql(
        "CREATE TABLE %s TBLPROPERTIES ('file_format_version'='%s') AS SELECT * FROM source_rows"
            .formatted(name, workload.fileFormatVersion()));
    try (Stream<Path> children = Files.list(root)) {
      Path folder =
          children
              .filter(path -> path.getFileName().toString().contains("source"))
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("Spark made no table in " + root));
      return new TableCopy(name, folder);
    }
  }

  TableCopy copy(TableCopy source) throws IOException {
    String name = "copy_" + ++copies;
    Path target = root.resolve(name + ".lance");
    for (Path path : tree(source.folder())) {
      Files.copy(path, target.resolve(source.folder().relativize(path).toString()));
    }
    return new TableCopy("lance." + name, target);
  }

  static void delete(Path folder) throws IOException {
    List<Path> paths = tree(folder);
    for (int i = paths.size() - 1; i >= 0; i--) {
      Files.delete(paths.get(i));
    }
  }

  static long bytes(Path folder) throws IOException {
    long bytes = 0;
    for (Path path : tree(folder)) {
      if (Files.isRegularFile(path)) {
        bytes += Files.size(path);
      }
    }
    return bytes;
  }

  /** The folder and all below, each folder before what it holds. */
  private static List<Path> tree(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      return paths.sorted(Comparator.naturalOrder()).toList();
    }
  }
}
