package io.lancebackfill.job;

import io.lancebackfill.SharedSession;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.sql.LanceBackfillExtensions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.functions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * A session with our extension, whose tables are also those of lance-spark's catalog {@code plain}.
 */
final class BackfillSession extends SharedSession {
  BackfillSession() {
    this(List.of(new LanceBackfillExtensions()));
  }

  BackfillSession(List<Function1<SparkSessionExtensions, BoxedUnit>> extensions) {
    super(extensions);
    catalog("plain", "org.lance.spark.LanceNamespaceSparkCatalog");
  }

  /** A table's name in lance-spark's own catalog: there an INSERT writes all columns. */
  static String plain(String table) {
    return table.replaceFirst("^lance\\.", "plain.");
  }

  /** A table {@code (id BIGINT, text STRING)} with one fragment for each of {@code fragments}. */
  String table(String name, long rows, int fragments, String format) {
    Dataset<Row> data =
        spark()
            .range(0, rows, 1, fragments)
            .select(
                functions.col("id"),
                functions
                    .expr("concat('text ', id % 977, repeat('x', cast(id % 5 as int)))")
                    .as("text"));
    data.createOrReplaceTempView("data_of_" + name);
    sql(
        "CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='%s') AS SELECT * FROM data_of_%s",
        name, format, name);
    return "lance.default." + name;
  }

  /**
   * The same, with or without row ids that stay when rows move. lance-spark's CREATE TABLE AS
   * SELECT does not hear of those.
   */
  String table(String name, long rows, int fragments, String format, boolean stableRowIds) {
    String table = "lance.default." + name;
    sql(
        "CREATE TABLE %s (id BIGINT, text STRING) TBLPROPERTIES ('file_format_version'='%s',"
            + " 'enable_stable_row_ids'='%s')",
        table, format, stableRowIds);
    sql(
        "INSERT INTO %s SELECT id, concat('text ', id %% 977, repeat('x', cast(id %% 5 as int)))"
            + " FROM range(0, %d, 1, %d)",
        table, rows, fragments);
    TableSnapshot made = LanceTables.latest(DatasetRef.of(folder(name).toString()));
    if (made.stableRowIds() != stableRowIds || made.fragments().size() != fragments) {
      throw new AssertionError("not the table that was asked for: " + made);
    }
    return table;
  }

  Dataset<Row> sql(String text, Object... values) {
    return spark().sql(values.length == 0 ? text : text.formatted(values));
  }

  Row call(String text, Object... values) {
    List<Row> rows = sql("CALL lance.system." + text, values).collectAsList();
    if (rows.size() != 1) {
      throw new AssertionError(rows.size() + " rows of " + text);
    }
    return rows.get(0);
  }

  /** The first value of the first row, a number. */
  long number(String text, Object... values) {
    return ((Number) sql(text, values).first().get(0)).longValue();
  }

  /** The coverage of a column over all fragments: fresh, stale, failed, never computed, unknown. */
  List<Long> coverage(String table, String column) {
    long[] sums = new long[5];
    for (Row row : sql("CALL lance.system.coverage('%s', '%s')", table, column).collectAsList()) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += row.getLong(i + 2);
      }
    }
    return Arrays.stream(sums).boxed().toList();
  }

  /** Name and content hash of each file of a table, its versions and our state included. */
  Map<String, String> allFiles(String name) {
    return hashes(folder(name));
  }

  /** The folder of a table. */
  Path folder(String name) {
    try (Stream<Path> children = Files.list(root())) {
      return children
          .filter(path -> path.getFileName().toString().matches("(.*\\$)?" + name + "(\\.lance)?"))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no folder of " + name + " in " + root()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Name and content hash of each file of a table's data folder. */
  Map<String, String> dataFiles(String name) {
    return hashes(folder(name).resolve("data"));
  }

  static Map<String, String> hashes(Path folder) {
    Map<String, String> hashes = new TreeMap<>();
    if (!Files.exists(folder)) {
      return hashes;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        hashes.put(folder.relativize(file).toString(), HexFormat.of().formatHex(digest));
      }
      return hashes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
