package io.lancebackfill.datasource.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TestRetry {
  private static final DatasetRef REF = DatasetRef.of("/data/t.lance");

  private final AtomicInteger calls = new AtomicInteger();

  private Callable<String> failing(Kind kind, int times) {
    return () -> {
      if (calls.incrementAndGet() <= times) {
        throw new DatasetException(kind, REF, "failure " + calls, null);
      }
      return "done";
    };
  }

  @ParameterizedTest
  @CsvSource({"COMMIT_CONFLICT, 19", "COMMIT_CONTENTION, 19", "UNAVAILABLE, 2"})
  void repeatsACommitThatMaySucceed(Kind kind, int failures) {
    assertThat(Retry.commit("append to", REF, failing(kind, failures))).isEqualTo("done");
    assertThat(calls).hasValue(failures + 1);
  }

  @Test
  void saysThatOthersAlwaysCameFirst() {
    assertThatThrownBy(() -> Retry.commit("append to", REF, failing(Kind.COMMIT_CONFLICT, 99)))
        .hasMessageStartingWith("Cannot append to /data/t.lance: other commits came first 20 times")
        .extracting("kind")
        .isEqualTo(Kind.COMMIT_CONTENTION);
    assertThat(calls).hasValue(20);
  }

  @Test
  void givesAnOutageUpAfterFiveTries() {
    assertThatThrownBy(() -> Retry.outage("open", REF, failing(Kind.UNAVAILABLE, 99)))
        .hasMessage("failure 5");
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"PERMISSION_DENIED", "INTERRUPTED", "INVALID_INPUT", "FORMAT_TOO_NEW", "OTHER"})
  void repeatsNothingThatFailsAgain(Kind kind) {
    assertThatThrownBy(() -> Retry.commit("append to", REF, failing(kind, 1)))
        .hasMessage("failure 1");
    assertThatThrownBy(() -> Retry.read(REF, failing(kind, 2))).hasMessage("failure 2");
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"COMMIT_CONFLICT", "CORRUPT", "NOT_FOUND"})
  void anOutageIsNoneOfThese(Kind kind) {
    assertThatThrownBy(() -> Retry.outage("open", REF, failing(kind, 1))).hasMessage("failure 1");
  }

  @Test
  void looksAgainWhenAVersionWasTakenAway() {
    assertThat(Retry.read(REF, failing(Kind.CORRUPT, 2))).isEqualTo("done");
    calls.set(0);
    assertThatThrownBy(() -> Retry.read(REF, failing(Kind.NOT_FOUND, 3))).hasMessage("failure 3");
  }

  @Test
  void isInterruptedWhileItWaits() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> Retry.outage("open", REF, failing(Kind.UNAVAILABLE, 1)))
        .hasMessage("Interrupted while waiting to open /data/t.lance again.")
        .extracting("kind")
        .isEqualTo(Kind.INTERRUPTED);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void classifiesWhatIsThrown() {
    assertThatThrownBy(
            () ->
                Retry.outage(
                    "open",
                    REF.stateFolder().child("jobs.lance"),
                    () -> {
                      throw new java.io.IOException("the moon is full");
                    }))
        .hasMessage("Cannot open /data/t.lance/_backfill/jobs.lance: the moon is full.")
        .extracting("ofState")
        .isEqualTo(true);
  }
}
