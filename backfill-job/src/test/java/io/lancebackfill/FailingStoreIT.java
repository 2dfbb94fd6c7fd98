package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.S3Proxy.Answer;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.sql.LanceBackfillExtensions;
import io.lancebackfill.state.TableState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Calls under {@code _backfill/} that the store fails: a job that attached its last file is done
 * whatever becomes of the rest, nothing advises to delete what is whole, and the next call finishes
 * what was left.
 */
class FailingStoreIT {
  /** Method, dataset below _backfill, and what of it. */
  private static final Pattern STATE_CALL =
      Pattern.compile(
          "(?s)(\\w+) .*?/_backfill/([a-z]+)(?:.*?\\.lance/(_versions|_transactions|data))?.*");

  @TempDir private static Path folder;
  private static S3Server server;
  private static S3Proxy proxy;
  private static SparkSession spark;

  @BeforeAll
  static void start() throws IOException {
    server = new S3Server(folder);
    proxy = new S3Proxy(server.port());
    Map<String, String> settings = new HashMap<>(S3Server.catalog(proxy.port()));
    settings.put("spark.sql.catalog.lance.storage.timeout", "2s");
    settings.put("spark.sql.catalog.lance.storage.client_max_retries", "1");
    spark = LocalSpark.start(List.of(new LanceBackfillExtensions()), settings);
    spark
        .udf()
        .register(
            "slowly",
            (UDF1<Long, Long>)
                id -> {
                  LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(15));
                  return id * 2;
                },
            DataTypes.LongType);
  }

  @AfterAll
  static void stop() throws IOException {
    LocalSpark.stop(spark);
    proxy.close();
    server.close();
  }

  /** Each kind of call once, at its first time. */
  @ParameterizedTest
  @EnumSource(
      value = Answer.class,
      names = {"UNAVAILABLE", "SILENCE", "RESET"})
  void aCallThatFailsOnceIsTriedAgain(Answer answer) {
    String table = table("once_" + answer);
    Set<String> failed = ConcurrentHashMap.newKeySet();
    proxy.judge(
        call -> {
          Matcher state = STATE_CALL.matcher(call);
          // Silence takes two seconds each: there the parts of a dataset are one.
          return state.matches()
                  && failed.add(
                      state.group(1)
                          + " "
                          + state.group(2)
                          + (answer == Answer.SILENCE ? "" : " " + state.group(3)))
              ? answer
              : Answer.PASS;
        });
    Row result = backfill(table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(failed)
        .anyMatch(call -> call.startsWith("PUT jobs"))
        .anyMatch(call -> call.startsWith("PUT columns"))
        .anyMatch(call -> call.startsWith("PUT lease"))
        .anyMatch(call -> call.startsWith("PUT checkpoints"))
        .anyMatch(call -> call.startsWith("DELETE checkpoints"));
    nextCallFinishes(table);
  }

  /** From the last commit on, that kind of call is refused for ever. */
  @ParameterizedTest
  @CsvSource({"GET", "PUT", "DELETE", "'GET,HEAD,PUT,DELETE,POST'"})
  void nothingAfterTheLastCommitFailsAJob(String methods) {
    String table = table("after_" + methods.length() + methods.charAt(0));
    AtomicBoolean committed = new AtomicBoolean();
    Set<String> refused = Set.of(methods.split(",", -1));
    proxy.judge(
        call -> {
          if (call.matches("PUT .*/" + table + "\\.lance/_versions/.*")) {
            committed.set(true);
          }
          return committed.get()
                  && call.contains("/_backfill/")
                  && refused.contains(call.substring(0, call.indexOf(' ')))
              ? Answer.DENIED
              : Answer.PASS;
        });
    // The lease may be left behind, and the next call waits for as long as it lasts.
    spark.conf().set("spark.lancebackfill.leaseDuration", "2s");
    Row result = backfill(table);
    spark.conf().unset("spark.lancebackfill.leaseDuration");
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("fragments_committed")).isEqualTo(2);
    proxy.judge(call -> Answer.PASS);
    assertThat(messages(table)).noneMatch(text -> text.contains("delete it"));
    assertThat(statuses(table)).doesNotContain("FAILED");
    nextCallFinishes(table);
  }

  /** What a job cannot do without is named, and the table is as it was. */
  @ParameterizedTest
  @ValueSource(strings = {"lease", "columns"})
  void aRefusalFromTheBeginningIsNoDamage(String dataset) {
    String table = table("refused_" + dataset);
    proxy.judge(call -> denied(call, dataset));
    assertThatThrownBy(() -> backfill(table))
        .hasMessageStartingWith("[READ_ONLY_TABLE]")
        .hasMessageContaining("Check the credentials and the rights on that address.")
        .hasMessageNotContaining("delete it");
    proxy.judge(call -> Answer.PASS);
    nextCallFinishes(table);
  }

  /** What a job can do without is noted. */
  @ParameterizedTest
  @ValueSource(strings = {"jobs", "checkpoints"})
  void aRefusalOfAComfortIsANote(String dataset) {
    String table = table("without_" + dataset);
    proxy.judge(call -> denied(call, dataset));
    assertThat(backfill(table).<String>getAs("status")).isEqualTo("DONE");
    proxy.judge(call -> Answer.PASS);
    if (dataset.equals("checkpoints")) {
      assertThat(messages(table)).last().asString().contains("Checkpoints could not be written");
    }
    nextCallFinishes(table);
  }

  @Test
  void aStoreThatIsOutIsNoDamage() {
    String table = table("out");
    proxy.judge(call -> call.contains("/_backfill/") ? Answer.UNAVAILABLE : Answer.PASS);
    assertThatThrownBy(() -> backfill(table))
        .hasMessageStartingWith("[STORAGE_FAILED]")
        .hasMessageContaining("try again when it answers")
        .hasMessageNotContaining("delete it");
    proxy.judge(call -> Answer.PASS);
    nextCallFinishes(table);
  }

  private static Answer denied(String call, String dataset) {
    return call.startsWith("PUT ") && call.contains("/_backfill/" + dataset)
        ? Answer.DENIED
        : Answer.PASS;
  }

  /** A table of two fragments, each of which takes long enough for a checkpoint. */
  private static String table(String name) {
    proxy.judge(call -> Answer.PASS);
    spark
        .sql("CREATE TABLE lance.%s AS SELECT id FROM range(0, 40, 1, 2)".formatted(name))
        .collect();
    spark
        .sql(
            "CALL lance.system.add_column(table => '%s', column => 'n', expression => 'slowly(id)', options => map('version', '1'))"
                .formatted(name))
        .collect();
    return name;
  }

  private static Row backfill(String table) {
    return spark
        .sql(
            "CALL lance.system.backfill(table => '%s', column => 'n', checkpoint_interval => '100ms', commit_granularity => 64)"
                .formatted(table))
        .first();
  }

  private static void nextCallFinishes(String table) {
    proxy.judge(call -> Answer.PASS);
    assertThat(backfill(table).<String>getAs("status")).isEqualTo("DONE");
    assertThat(
            spark
                .sql("SELECT count_if(n <=> id * 2) FROM lance.%s".formatted(table))
                .first()
                .getLong(0))
        .isEqualTo(40);
    Map<String, String> options = new HashMap<>();
    S3Server.catalog(proxy.port())
        .forEach((key, value) -> options.put(key.replaceFirst(".*\\.storage\\.", ""), value));
    DatasetRef ref = new DatasetRef("s3://bucket/tables/" + table + ".lance", options);
    assertThat(new StateFolder(new TableState(ref).checkpoints()).children()).isEmpty();
  }

  private static List<String> messages(String table) {
    List<String> messages = new ArrayList<>();
    for (Row job : spark.sql("CALL lance.system.jobs('%s')".formatted(table)).collectAsList()) {
      messages.add(job.getAs("message"));
    }
    return messages;
  }

  private static List<String> statuses(String table) {
    return spark.sql("CALL lance.system.jobs('%s')".formatted(table)).collectAsList().stream()
        .map(job -> job.<String>getAs("status"))
        .toList();
  }
}
