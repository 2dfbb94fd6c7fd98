package io.lancebackfill.resource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestGpuShares {
  private static final Runnable GOES_ON = () -> {};

  private final GpuShares gpus = new GpuShares(List.of("3", "5"));

  @Test
  void partsFillOneGpuBeforeTheNext() throws Exception {
    List<String> first = gpus.take(0.5, GOES_ON);
    assertThat(gpus.take(0.5, GOES_ON)).isEqualTo(first);
    assertThat(gpus.take(0.5, GOES_ON)).isNotEqualTo(first);
  }

  @Test
  void aWholeGpuIsNobodyElses() throws Exception {
    List<String> part = gpus.take(0.25, GOES_ON);
    List<String> whole = gpus.take(1, GOES_ON);
    assertThat(whole).hasSize(1).isNotEqualTo(part);
    assertThat(gpus.take(0.75, GOES_ON)).isEqualTo(part);
  }

  @Test
  void severalWholeOnesComeTogether() throws Exception {
    assertThat(gpus.take(2, GOES_ON)).containsExactly("3", "5");
  }

  @ParameterizedTest
  @CsvSource({"0.1, 10", "0.3333333333, 3", "0.25, 4", "0.6, 1", "1, 1"})
  void asManyPartsAsFit(double part, int most) throws Exception {
    for (int i = 0; i < 2 * most; i++) {
      gpus.take(part, GOES_ON);
    }
    assertThat(CompletableFuture.supplyAsync(() -> take(part))).isNotDone();
    assertThat(FunctionResources.sharesOf(part)).isEqualTo(most);
  }

  @Test
  void whoFindsNoneFreeWaits() throws Exception {
    List<String> all = gpus.take(2, GOES_ON);
    CompletableFuture<List<String>> waiting = new CompletableFuture<>();
    Thread taker = new Thread(() -> waiting.complete(take(0.5)));
    taker.start();
    Awaitility.await().until(() -> taker.getState() == Thread.State.TIMED_WAITING);
    assertThat(waiting).isNotDone();
    gpus.give(all, 2);
    assertThat(waiting.get(20, TimeUnit.SECONDS)).containsAnyElementsOf(all).hasSize(1);
  }

  @Test
  void aTaskThatSparkEndsWaitsNoLonger() throws Exception {
    gpus.take(2, GOES_ON);
    assertThatThrownBy(
            () ->
                gpus.take(
                    1,
                    () -> {
                      throw new IllegalStateException("cancelled");
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("cancelled");
  }

  @Test
  void moreThanThereAreIsRefused() {
    assertThatThrownBy(() -> gpus.take(3, GOES_ON))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("3.0 GPUs are asked for, and there are 2.");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "null",
      value = {"'0,2', '0,2'", "'', ''", "-1, ''", "' GPU-1, 7 ', 'GPU-1,7'"})
  void cudaSaysWhichDevicesAreVisible(String visible, String addresses) {
    assertThat(String.join(",", LocalGpus.ofMachine(visible))).isEqualTo(addresses);
  }

  private List<String> take(double amount) {
    try {
      return gpus.take(amount, GOES_ON);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
