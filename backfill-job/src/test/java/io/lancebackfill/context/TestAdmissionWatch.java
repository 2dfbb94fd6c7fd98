package io.lancebackfill.context;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class TestAdmissionWatch {
  private final List<String> notices = new CopyOnWriteArrayList<>();
  private final AtomicInteger looks = new AtomicInteger();
  private long nanos;
  private boolean executors;

  private AdmissionWatch watch(String... findings) {
    return new AdmissionWatch(
        Duration.ofSeconds(60),
        () -> executors,
        () -> {
          looks.incrementAndGet();
          return List.of(findings);
        },
        notices::add,
        () -> nanos);
  }

  private void pass(AdmissionWatch watch, int seconds) {
    for (int i = 0; i < seconds; i++) {
      nanos += Duration.ofSeconds(1).toNanos();
      watch.tick();
    }
  }

  @Test
  void saysWhatItFindsOnceAndThenGivesUp() {
    AdmissionWatch watch = watch("no node has the label pool=gpu");
    pass(watch, 4);
    assertThat(looks).hasValue(0);
    Awaitility.await()
        .until(
            () -> {
              pass(watch, 1);
              return !notices.isEmpty();
            });
    int passed = (int) Duration.ofNanos(nanos).toSeconds();
    pass(watch, 59 - passed);
    assertThat(notices).containsExactly("no node has the label pool=gpu");
    assertThatThrownBy(() -> pass(watch, 1))
        .hasMessageStartingWith(
            "[ADMISSION_TIMEOUT] No executor that can run this job's tasks has come in 60s.")
        .hasMessageContaining("\n  no node has the label pool=gpu\n")
        .hasMessageContaining("admission_timeout");
  }

  @Test
  void anExecutorBeginsTheWaitAnew() {
    AdmissionWatch watch = watch();
    pass(watch, 59);
    executors = true;
    pass(watch, 600);
    executors = false;
    pass(watch, 59);
    assertThatThrownBy(() -> pass(watch, 2)).hasMessageStartingWith("[ADMISSION_TIMEOUT]");
  }

  @Test
  void whatItCannotLookAtItSays() {
    AdmissionWatch watch =
        new AdmissionWatch(
            Duration.ofSeconds(6),
            () -> false,
            () -> {
              throw new IllegalStateException("no route to the API server");
            },
            notices::add,
            () -> nanos);
    assertThatThrownBy(() -> pass(watch, 6))
        .hasMessageContaining("could not be looked at")
        .hasMessageContaining("no route to the API server");
  }
}
