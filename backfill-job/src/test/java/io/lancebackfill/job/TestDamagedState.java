package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.JobStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Files of our state that are cut off, replaced, foreign or gone. */
class TestDamagedState {
  /** What happens to a dataset. */
  enum Damage {
    TRUNCATED_DATA,
    EMPTY_DATA,
    GARBAGE_DATA,
    NO_DATA,
    EMPTY_MANIFEST,
    GARBAGE_MANIFEST,
    NO_VERSIONS
  }

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  @Test
  void checkpointsOfAFailedJobAreTakenOver() throws IOException {
    String table = withCheckpoints("whole");
    long left = 400 - session.coverage(table, "n").get(0);
    JobNotices job = new JobNotices();
    BackfillResult result = job.run(session.spark(), table, "n", Map.of());
    assertThat(result.status()).isEqualTo(JobStatus.DONE);
    assertThat(result.counts().rowsFromCheckpoints()).isPositive();
    assertThat(CountingFunction.CALLS.sum())
        .isEqualTo(left - result.counts().rowsFromCheckpoints());
    assertThat(job.notices).isEmpty();
    assertThat(wrong(table)).isZero();
  }

  @ParameterizedTest
  @EnumSource(Damage.class)
  void damagedCheckpointsAreIgnoredWithAWarning(Damage damage) throws IOException {
    String table = withCheckpoints("checkpoints_" + damage);
    List<Path> checkpoints = checkpoints("checkpoints_" + damage);
    for (Path checkpoint : checkpoints) {
      damage(checkpoint, damage);
    }
    recomputes(table, checkpoints.size());
  }

  @Test
  void foreignFilesAmongTheCheckpointsAreIgnored() throws IOException {
    String table = withCheckpoints("foreign");
    List<Path> checkpoints = checkpoints("foreign");
    Path folder = checkpoints.get(0).getParent();
    for (Path checkpoint : checkpoints) {
      delete(checkpoint);
    }
    Files.writeString(folder.resolve("notes.txt"), "hello");
    Files.writeString(folder.resolve("0-0-file.lance"), "no folder");
    copy(session.folder("foreign"), folder.resolve("0-0-table.lance"));
    copy(session.folder("foreign"), folder.resolve("mine.lance"));
    Files.createDirectories(folder.resolve("1-0-nothing.lance"));
    recomputes(table, 3);
  }

  @ParameterizedTest
  @CsvSource({
    "jobs, TRUNCATED_DATA",
    "jobs, EMPTY_DATA",
    "jobs, GARBAGE_MANIFEST",
    "columns, TRUNCATED_DATA",
    "columns, EMPTY_DATA",
    "columns, GARBAGE_DATA",
    "columns, NO_DATA",
    "columns, EMPTY_MANIFEST",
    "columns, GARBAGE_MANIFEST",
    "lease, GARBAGE_MANIFEST",
    "lease, EMPTY_MANIFEST"
  })
  void damagedRecordsAreNamedAndTheTableStaysUsable(String dataset, Damage damage)
      throws IOException {
    String name = "state_" + dataset + "_" + damage;
    String table = filled(name);
    Path damaged = state(name, dataset);
    damage(damaged, damage);
    assertThatThrownBy(
            () -> {
              session.call("backfill(table => '%s', column => 'n', recompute => true)", table);
              session.sql("CALL lance.system.jobs('%s')", table).collect();
            })
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("[STATE_DAMAGED]")
        .hasMessageContaining("_backfill/" + damaged.getFileName())
        .hasMessageContaining("the table itself is not affected and stays usable")
        .hasMessageContaining("Restore that folder, or delete it");
    if (!dataset.equals("lease")) {
      assertThatThrownBy(
              () ->
                  session
                      .sql(
                          dataset.equals("jobs")
                              ? "CALL lance.system.jobs('%s')"
                              : "CALL lance.system.coverage('%s', 'n')",
                          table)
                      .collect())
          .hasMessageContaining("[STATE_DAMAGED]")
          .hasMessageContaining("_backfill/" + damaged.getFileName());
    }
    assertThat(wrong(table)).isZero();
    session.sql("INSERT INTO %s VALUES (1000, 'more', NULL)", table);

    delete(damaged);
    Row result = session.call("backfill('%s', 'n')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("rows_computed")).isOne();
    assertThat(wrong(table)).isZero();
  }

  @Test
  void missingRecordsAreNamed() throws IOException {
    String table = filled("missing");
    delete(state("missing", "jobs"));
    delete(state("missing", "columns"));
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).collectAsList()).isEmpty();
    assertThatThrownBy(() -> session.call("job('%s', 'filled')", table))
        .hasMessageContaining("[JOB_NOT_FOUND]")
        .hasMessageContaining("_backfill/jobs.lance");
    assertThat(session.coverage(table, "n")).containsExactly(0L, 0L, 0L, 0L, 400L);
    CountingFunction.reset();
    session.call("backfill(table => '%s', column => 'n', job_id => 'after')", table);
    assertThat(CountingFunction.CALLS.sum()).isZero();
    List<Row> events = session.sql("CALL lance.system.job('%s', 'after')", table).collectAsList();
    assertThat(events.get(events.size() - 1).<String>getAs("message"))
        .contains("400 rows hold values of unknown origin")
        .contains("_backfill/columns.lance")
        .contains("recompute_unknown");
    assertThat(wrong(table)).isZero();
  }

  /** A job that failed late in fragment 1 and left checkpoints. */
  private static String withCheckpoints(String name) throws IOException {
    String table = counted(name);
    CountingFunction.micros = 2000;
    CountingFunction.failsAt = 395;
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', checkpoint_interval => '100ms')",
                    table))
        .hasMessageContaining("row 395 is not to my taste");
    assertThat(checkpoints(name)).isNotEmpty();
    CountingFunction.reset();
    return table;
  }

  private static void recomputes(String table, int warnings) {
    long left = 400 - session.coverage(table, "n").get(0);
    JobNotices job = new JobNotices();
    BackfillResult result = job.run(session.spark(), table, "n", Map.of());
    assertThat(result.status()).isEqualTo(JobStatus.DONE);
    assertThat(result.counts().rowsFromCheckpoints()).isZero();
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(left);
    assertThat(job.notices).hasSize(warnings).allMatch(notice -> notice.contains("is ignored"));
    assertThat(wrong(table)).isZero();
  }

  private static String filled(String name) {
    String table = counted(name);
    session.call("backfill(table => '%s', column => 'n', job_id => 'filled')", table);
    return table;
  }

  private static String counted(String name) {
    String table = session.table(name, 400, 2, "2.1");
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    return table;
  }

  private static Path state(String name, String dataset) throws IOException {
    try (Stream<Path> children = Files.list(session.folder(name).resolve("_backfill"))) {
      return children
          .filter(path -> path.getFileName().toString().startsWith(dataset))
          .findFirst()
          .orElseThrow();
    }
  }

  private static List<Path> checkpoints(String name) throws IOException {
    Path folder = session.folder(name).resolve("_backfill/checkpoints");
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder, 2)) {
      return files.filter(path -> folder.relativize(path).getNameCount() == 2).toList();
    }
  }

  private static void damage(Path dataset, Damage damage) throws IOException {
    boolean manifest = damage == Damage.EMPTY_MANIFEST || damage == Damage.GARBAGE_MANIFEST;
    Path folder = dataset.resolve(manifest || damage == Damage.NO_VERSIONS ? "_versions" : "data");
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.toList();
    }
    assertThat(files).isNotEmpty();
    for (Path file : files) {
      switch (damage) {
        case TRUNCATED_DATA -> {
          byte[] bytes = Files.readAllBytes(file);
          Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        }
        case EMPTY_DATA, EMPTY_MANIFEST -> Files.write(file, new byte[0]);
        case GARBAGE_DATA, GARBAGE_MANIFEST ->
            Files.writeString(file, "no Lance file at all ".repeat(20));
        case NO_DATA, NO_VERSIONS -> Files.delete(file);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(f -> !f.toString().contains("_backfill")).toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }

  private static long wrong(String table) {
    return session.number(
        "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) + CAST(id %% 10 AS INT)"
            + " AND id < 1000",
        table);
  }
}
