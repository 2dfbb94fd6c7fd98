package io.lancebackfill.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestAdaptiveBatchSize {
  private static final long MILLI = 1_000_000;

  @Test
  void beginsWith32RowsAndDoublesUpToTheTarget() {
    assertThat(sizes(AdaptiveBatchSize.adaptive(Duration.ofSeconds(5)), 1 * MILLI))
        .startsWith(32, 64, 128, 250, 250);
  }

  @Test
  void neverTakesMoreThanAQuarterOfTheCheckpointInterval() {
    assertThat(sizes(AdaptiveBatchSize.adaptive(Duration.ofMillis(400)), 1 * MILLI))
        .startsWith(32, 64, 100, 100);
  }

  @Test
  void shrinksAtOnceAndDownToOneRow() {
    assertThat(sizes(AdaptiveBatchSize.adaptive(Duration.ofSeconds(5)), 100 * MILLI))
        .startsWith(32, 2, 2);
    assertThat(sizes(AdaptiveBatchSize.adaptive(Duration.ofSeconds(5)), 3000 * MILLI))
        .startsWith(32, 1, 1);
  }

  @Test
  void staysBoundedForAFunctionThatTakesNoTime() {
    List<Integer> sizes = sizes(AdaptiveBatchSize.adaptive(Duration.ofSeconds(5)), 0);

    assertThat(sizes).isSorted().endsWith(1 << 20);
  }

  @Test
  void aShortLastBatchDoesNotGrowTheNext() {
    AdaptiveBatchSize size = AdaptiveBatchSize.adaptive(Duration.ofSeconds(5));

    size.record(3, 3);

    assertThat(size.rows()).isEqualTo(32);
  }

  @Test
  void aFixedSizeStays() {
    AdaptiveBatchSize size = AdaptiveBatchSize.fixed(7);

    assertThat(sizes(size, 1000 * MILLI)).containsOnly(7);
    assertThat(size.maxInputBytes()).isEqualTo(Long.MAX_VALUE);
  }

  @ParameterizedTest
  @CsvSource({"0, Batch size 0 is below 1.", "-4, Batch size -4 is below 1."})
  void refusesFixedSizesBelowOne(int rows, String message) {
    assertThatThrownBy(() -> AdaptiveBatchSize.fixed(rows))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void refusesAnIntervalThatIsNotPositive() {
    assertThatThrownBy(() -> AdaptiveBatchSize.adaptive(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Checkpoint interval PT0S is not positive.");
  }

  private static List<Integer> sizes(AdaptiveBatchSize size, long nanosPerRow) {
    List<Integer> sizes = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      sizes.add(size.rows());
      size.record(size.rows(), size.rows() * nanosPerRow);
    }
    return sizes;
  }
}
