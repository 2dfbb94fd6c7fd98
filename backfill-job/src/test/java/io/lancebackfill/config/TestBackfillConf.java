package io.lancebackfill.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import java.time.Duration;
import java.util.Map;
import org.apache.spark.sql.RuntimeConfig;
import org.apache.spark.sql.internal.SQLConf;
import org.junit.jupiter.api.Test;

class TestBackfillConf {
  private static RuntimeConfig session(String... keysAndValues) {
    RuntimeConfig session = new RuntimeConfig(new SQLConf());
    for (int i = 0; i < keysAndValues.length; i += 2) {
      session.set(keysAndValues[i], keysAndValues[i + 1]);
    }
    return session;
  }

  @Test
  void fallsFromCallToColumnToSessionToDefault() {
    RuntimeConfig session =
        session(
            "spark.lancebackfill.commitInterval", "1s",
            "spark.lancebackfill.checkpointInterval", "1s",
            "spark.lancebackfill.concurrency", "1",
            "spark.lancebackfill.leaseDuration", "20s");
    BackfillConf conf =
        BackfillConf.resolve(
            Map.of("commit_interval", "3s", "dry_run", true),
            Map.of("commit_interval", "2s", "checkpoint_interval", "2s"),
            session);
    assertThat(conf.value(BackfillOptions.COMMIT_INTERVAL)).isEqualTo(Duration.ofSeconds(3));
    assertThat(conf.value(BackfillOptions.CHECKPOINT_INTERVAL)).isEqualTo(Duration.ofSeconds(2));
    assertThat(conf.optional(BackfillOptions.CONCURRENCY)).contains(1);
    assertThat(conf.value(BackfillOptions.LEASE_DURATION)).isEqualTo(Duration.ofSeconds(20));
    assertThat(conf.value(BackfillOptions.DRY_RUN)).isTrue();
    assertThat(conf.value(BackfillOptions.RECOMPUTE)).isFalse();
    assertThat(conf.optional(BackfillOptions.BATCH_SIZE)).isEmpty();
    assertThatThrownBy(() -> conf.value(BackfillOptions.BATCH_SIZE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Option batch_size has no built-in default");
  }

  @Test
  void reportsEveryFault() {
    RuntimeConfig session =
        session(
            "spark.lancebackfill.commitGranularty", "4",
            "spark.lancebackfill.commitInterval", "60");
    assertThatThrownBy(
            () ->
                BackfillConf.resolve(
                    Map.of("batchsize", 4, "commit_interval", "1s"),
                    Map.of("max_fragments", "many", "lease_duration", "5s"),
                    session))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining(
            "[UNKNOWN_OPTION] There is no option 'batchsize'. Did you mean 'batch_size'?")
        .hasMessageContaining("[UNKNOWN_OPTION] There is no option of a column 'lease_duration'.")
        .hasMessageContaining(
            "[UNKNOWN_OPTION] There is no session setting 'spark.lancebackfill.commitGranularty'."
                + " Did you mean 'spark.lancebackfill.commitGranularity'?")
        .hasMessageContaining(
            "[INVALID_OPTION] Option 'commit_interval', the session setting"
                + " spark.lancebackfill.commitInterval, is '60', and must be a duration")
        .hasMessageContaining(
            "[INVALID_OPTION] Option 'max_fragments' of the column is 'many', and must be an"
                + " integer of 1 or more.");
  }

  @Test
  void leavesSettingsOfOthersAlone() {
    RuntimeConfig session =
        session("spark.lancebackfill.functions.trust", "true", "spark.lancebackfillx", "1");
    BackfillConf conf = BackfillConf.resolve(Map.of(), Map.of(), session);
    assertThat(conf.value(BackfillOptions.COMMIT_INTERVAL)).isEqualTo(Duration.ofSeconds(60));
  }
}
