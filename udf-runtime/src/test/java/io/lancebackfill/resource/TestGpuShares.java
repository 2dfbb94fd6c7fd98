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
  private final GpuShares gpus = new GpuShares(List.of("3", "5"));

  @Test
  void partsFillOneGpuBeforeTheNext() throws Exception {
    List<String> first = gpus.take(0.5);
    assertThat(gpus.take(0.5)).isEqualTo(first);
    assertThat(gpus.take(0.5)).isNotEqualTo(first);
  }

  @Test
  void aWholeGpuIsNobodyElses() throws Exception {
    List<String> part = gpus.take(0.25);
    List<String> whole = gpus.take(1);
    assertThat(whole).hasSize(1).isNotEqualTo(part);
    assertThat(gpus.take(0.75)).isEqualTo(part);
  }

  @Test
  void severalWholeOnesComeTogether() throws Exception {
    assertThat(gpus.take(2)).containsExactly("3", "5");
  }

  @ParameterizedTest
  @CsvSource({"0.1, 10", "0.3333333333, 3", "0.25, 4", "0.6, 1", "1, 1"})
  void asManyPartsAsFit(double part, int most) throws Exception {
    for (int i = 0; i < 2 * most; i++) {
      gpus.take(part);
    }
    assertThat(CompletableFuture.supplyAsync(() -> take(part))).isNotDone();
    assertThat(FunctionResources.sharesOf(part)).isEqualTo(most);
  }

  @Test
  void whoFindsNoneFreeWaits() throws Exception {
    List<String> all = gpus.take(2);
    CompletableFuture<List<String>> waiting = new CompletableFuture<>();
    Thread taker = new Thread(() -> waiting.complete(take(0.5)));
    taker.start();
    Awaitility.await().until(() -> taker.getState() == Thread.State.WAITING);
    assertThat(waiting).isNotDone();
    gpus.give(all, 2);
    assertThat(waiting.get(20, TimeUnit.SECONDS)).containsAnyElementsOf(all).hasSize(1);
  }

  @Test
  void moreThanThereAreIsRefused() {
    assertThatThrownBy(() -> gpus.take(3))
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
      return gpus.take(amount);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
