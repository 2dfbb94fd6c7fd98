package io.lancebackfill.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TestBackfillOptions {
  @Test
  void hasTheseDefaults() {
    Map<String, String> defaults =
        BackfillOptions.all().stream()
            .collect(
                Collectors.toMap(
                    ConfigOption::name,
                    option ->
                        option.defaultValue().map(Object::toString).orElse("-")
                            + " | "
                            + option.defaultText(),
                    (a, b) -> a,
                    TreeMap::new));
    Map<String, String> expected = new TreeMap<>();
    expected.put("where", "- | every row that needs computing");
    expected.put("recompute", "false | false");
    expected.put("recompute_unknown", "false | false");
    expected.put("max_fragments", "- | all");
    expected.put("read_version", "- | the latest");
    expected.put("dry_run", "false | false");
    expected.put("concurrency", "- | every slot");
    expected.put("batch_size", "- | adaptive");
    expected.put("batch_order", "- | 'auto'; 'row' where batch_size is given");
    expected.put("checkpoint_interval", "PT5S | 5s");
    expected.put("commit_granularity", "- | adaptive");
    expected.put("commit_interval", "PT1M | 60s");
    expected.put("on_error", "fail | fail");
    expected.put("retry_on", "- | all");
    expected.put("max_failed_rows", "- | any number");
    expected.put("max_failed_fraction", "- | any part");
    expected.put("row_timeout", "- | any time");
    expected.put(
        "intra_applier_concurrency", "- | 1, or as many as `num_cpus` below 1 makes of a CPU");
    expected.put("num_cpus", "1.0 | 1.0");
    expected.put("num_gpus", "0.0 | 0.0");
    expected.put("memory", "- | not counted");
    expected.put("cluster", "- | what the session has");
    expected.put("worker_group", "- | the smallest that fits");
    expected.put("admission_timeout", "- | that of the cluster's definition, or 10 min");
    expected.put("manifest", "- | what the workers have");
    expected.put("ready_tag", "- | true for columns declared with `require`, else false");
    expected.put("attach", "auto | auto");
    expected.put("job_id", "- | made by the job");
    expected.put("lease_duration", "PT15S | 15s");
    assertThat(defaults).isEqualTo(expected);
  }

  @Test
  void hasTheseKeys() {
    assertThat(BackfillOptions.all())
        .extracting(ConfigOption::sessionKey)
        .containsExactlyInAnyOrder(
            "spark.lancebackfill.where",
            "spark.lancebackfill.recompute",
            "spark.lancebackfill.recomputeUnknown",
            "spark.lancebackfill.maxFragments",
            "spark.lancebackfill.readVersion",
            "spark.lancebackfill.dryRun",
            "spark.lancebackfill.concurrency",
            "spark.lancebackfill.batchSize",
            "spark.lancebackfill.batchOrder",
            "spark.lancebackfill.checkpointInterval",
            "spark.lancebackfill.commitGranularity",
            "spark.lancebackfill.commitInterval",
            "spark.lancebackfill.onError",
            "spark.lancebackfill.retryOn",
            "spark.lancebackfill.maxFailedRows",
            "spark.lancebackfill.maxFailedFraction",
            "spark.lancebackfill.rowTimeout",
            "spark.lancebackfill.intraApplierConcurrency",
            "spark.lancebackfill.numCpus",
            "spark.lancebackfill.numGpus",
            "spark.lancebackfill.memory",
            "spark.lancebackfill.cluster",
            "spark.lancebackfill.workerGroup",
            "spark.lancebackfill.admissionTimeout",
            "spark.lancebackfill.manifest",
            "spark.lancebackfill.readyTag",
            "spark.lancebackfill.attach",
            "spark.lancebackfill.jobId",
            "spark.lancebackfill.leaseDuration");
    assertThat(BackfillOptions.all())
        .filteredOn(ConfigOption::sessionOnly)
        .containsExactly(BackfillOptions.LEASE_DURATION);
  }

  @Test
  void readsItsOwnDefaults() {
    for (ConfigOption<?> option : BackfillOptions.all()) {
      option
          .defaultValue()
          .ifPresent(
              value -> {
                assertThat(option.ofSession(option.defaultText())).isEqualTo(value);
                assertThat(option.ofCall(value)).isEqualTo(value);
              });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "5s, 5000",
    "250ms, 250",
    "2 min, 120000",
    "1m, 60000",
    "1 hour, 3600000",
    "3 days, 259200000",
    "PT5S, 5000",
    "pt0.5s, 500",
    "' 10 S ', 10000"
  })
  void readsDurations(String text, long millis) {
    assertThat(BackfillOptions.CHECKPOINT_INTERVAL.ofCall(text))
        .isEqualTo(Duration.ofMillis(millis));
    assertThat(BackfillOptions.CHECKPOINT_INTERVAL.ofSession(text).toMillis()).isEqualTo(millis);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"5", "", "s", "5x", "-5s", "1.5s", "PT", "99ms", "PT0.09S", "999999999999999999d"})
  void refusesDurations(String text) {
    assertThatThrownBy(() -> BackfillOptions.CHECKPOINT_INTERVAL.ofCall(text))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[INVALID_OPTION] Option 'checkpoint_interval' is '"
                + text
                + "', and must be a duration such as '5s', '250ms', '2 min' or 'PT5S' of 100ms or"
                + " more. Change it, or leave it out for the default: 5s.");
  }

  @ParameterizedTest
  @CsvSource({
    "where, ' '",
    "recompute, yes",
    "max_fragments, 0",
    "read_version, 0",
    "read_version, latest",
    "concurrency, -1",
    "concurrency, 3000000000",
    "batch_size, 0",
    "batch_order, length",
    "checkpoint_interval, 99ms",
    "commit_granularity, 0",
    "commit_interval, 0ms",
    "attach, shadow",
    "job_id, a b",
    "job_id, ''",
    "lease_duration, 999ms",
    "lease_duration, 11 min"
  })
  void refusesWhatIsOutOfRange(String name, String text) {
    ConfigOption<?> option = option(name);
    assertThatThrownBy(() -> option.ofSession(text))
        .isInstanceOfSatisfying(
            BackfillException.class,
            e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.INVALID_OPTION))
        .hasMessageStartingWith(
            "[INVALID_OPTION] Option '"
                + name
                + "', the session setting "
                + option.sessionKey()
                + ", is '"
                + text
                + "', and must be "
                + option.values()
                + ".");
  }

  @ParameterizedTest
  @CsvSource({
    "where, x IS NULL",
    "recompute, TRUE",
    "max_fragments, 1",
    "read_version, 1",
    "batch_size, 1",
    "batch_order, row",
    "checkpoint_interval, 100ms",
    "commit_interval, 1ms",
    "attach, shadow_column",
    "job_id, nightly_2024-01",
    "lease_duration, 1s",
    "lease_duration, 10 min"
  })
  void takesTheEdgesOfTheRange(String name, String text) {
    assertThat(option(name).ofColumn(text)).isNotNull();
  }

  @Test
  void readsTextOfACallAsWhatTheOptionWants() {
    for (ConfigOption<?> option : BackfillOptions.all()) {
      option
          .defaultValue()
          .ifPresent(value -> assertThat(option.ofCall(option.defaultText())).isEqualTo(value));
    }
    assertThat(BackfillOptions.CONCURRENCY.ofCall(" 4 ")).isEqualTo(4);
    assertThat(BackfillOptions.READ_VERSION.ofCall("3000000000")).isEqualTo(3_000_000_000L);
    assertThat(BackfillOptions.RECOMPUTE.ofCall("True")).isEqualTo(true);
    assertThatThrownBy(() -> BackfillOptions.CONCURRENCY.ofCall(""))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_OPTION] Option 'concurrency' is '', and must be an integer");
    assertThatThrownBy(() -> BackfillOptions.RECOMPUTE.ofCall("yes"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_OPTION] Option 'recompute' is 'yes', and must be true or false");
  }

  @Test
  void takesNothingElseForText() {
    assertThatThrownBy(() -> BackfillOptions.WHERE.ofCall(true))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INVALID_OPTION] Option 'where' is 'true', and must be a string");
    assertThatThrownBy(() -> BackfillOptions.CHECKPOINT_INTERVAL.ofCall(5))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INVALID_OPTION] Option 'checkpoint_interval' is '5'");
  }

  @Test
  void documentsEveryOptionInOneLine() {
    String table = OptionsTable.markdown();
    assertThat(table.lines()).hasSize(BackfillOptions.all().size() + 2);
    assertThat(table)
        .startsWith("| option | session setting | default | values | what it does |\n|---|")
        .contains(
            "| `commit_granularity` | `spark.lancebackfill.commitGranularity` | adaptive |"
                + " an integer of 1 or more | Fragments per commit. |\n")
        .contains("| (session only) | `spark.lancebackfill.leaseDuration` | `15s` |");
    assertThat(table.lines()).allMatch(line -> line.chars().filter(c -> c == '|').count() == 6);
  }

  private static ConfigOption<?> option(String name) {
    return BackfillOptions.all().stream()
        .filter(option -> option.name().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
