package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The main path on small and middling tables, through SQL. */
class TestBackfill {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @Test
  void fillsAColumnAsAPlainSelectComputesIt() throws IOException {
    String table = session.table("plain", 400_000, 20, "2.1");
    Map<String, String> before = session.dataFiles("plain");
    session.call("add_column('%s', 'length', 'length(text) * 2 + id')", table);
    Row result =
        session.call("backfill(table => '%s', column => 'length', commit_granularity => 4)", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("fragments_planned")).isEqualTo(20);
    assertThat(result.<Long>getAs("fragments_committed")).isEqualTo(20);
    assertThat(result.<Long>getAs("fragments_skipped")).isZero();
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(400_000);
    assertThat(result.<Long>getAs("rows_from_checkpoints")).isZero();
    assertThat(result.<Long>getAs("commits")).isGreaterThanOrEqualTo(5);
    long raw = 400_000L * Long.BYTES;
    assertThat(result.<Long>getAs("bytes_written")).isLessThanOrEqualTo(raw * 11 / 10);
    assertThat(
            session
                .sql(
                    "SELECT count(*) FROM %s WHERE length IS DISTINCT FROM length(text) * 2 + id",
                    table)
                .first()
                .getLong(0))
        .isZero();
    assertThat(session.dataFiles("plain")).containsAllEntriesOf(before);
    assertThat(checkpoints("plain")).isEmpty();

    Row again = session.call("backfill('%s', 'length')", table);
    assertThat(again.<String>getAs("status")).isEqualTo("DONE");
    assertThat(again.<Long>getAs("rows_computed")).isZero();
    assertThat(again.<Long>getAs("fragments_skipped")).isEqualTo(20);
    assertThat(again.<Long>getAs("commits")).isZero();
  }

  static List<Path> checkpoints(String name) throws IOException {
    Path folder = session.folder(name).resolve("_backfill/checkpoints");
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }
}
