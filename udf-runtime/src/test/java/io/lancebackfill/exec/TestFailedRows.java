package io.lancebackfill.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of rows on which a function throws. */
class TestFailedRows {
  private static final Field INT =
      new Field("x", FieldType.nullable(new ArrowType.Int(32, true)), List.of());
  private static final ErrorPolicy NULLS = new ErrorPolicy(true, 0, 0, "", 0, Long.MAX_VALUE, 1);

  private BufferAllocator allocator;

  @BeforeEach
  void openAllocator() {
    allocator = new RootAllocator();
  }

  @AfterEach
  void everyBufferIsReleased() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  /** Records the values, nulls and failures by row, in order. */
  private static final class Results implements BatchUdfExecutor.ResultConsumer {
    final List<@Nullable Integer> values = new ArrayList<>();
    final Map<Integer, RowFailure> failures = new TreeMap<>();

    @Override
    public void accept(FieldVector batch, int firstRow, int rows) {
      assertThat(firstRow).isEqualTo(values.size());
      for (int i = 0; i < rows; i++) {
        values.add(((IntVector) batch).getObject(i));
      }
    }

    @Override
    public void failed(FieldVector nothing, int row, RowFailure failure) {
      accept(nothing, row, 1);
      failures.put(row, failure);
    }
  }

  /** The identity, which throws where it is told to and counts how often it sees each row. */
  private static class Throws implements ColumnUdf {
    final Map<Integer, Integer> seen = new TreeMap<>();
    final List<Integer> batches = new ArrayList<>();
    private final IntPredicate bad;

    Throws(IntPredicate bad) {
      this.bad = bad;
    }

    @Override
    public Field output(List<Field> inputs) {
      return INT;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from)
        throws Exception {
      IntVector input = (IntVector) inputs.get(0);
      batches.add(rows);
      for (int i = 0; i < rows; i++) {
        seen.merge(input.get(i), 1, Integer::sum);
      }
      for (int i = 0; i < rows; i++) {
        if (bad.test(input.get(i))) {
          throw thrown(input.get(i));
        }
      }
      return input;
    }

    Exception thrown(int value) {
      return value % 2 == 0 ? new TimeoutException() : new IllegalStateException("bad " + value);
    }
  }

  private void run(ColumnUdf udf, AdaptiveBatchSize size, ErrorPolicy policy, Results results)
      throws Exception {
    try (IntVector input = new IntVector(INT, allocator);
        BatchUdfExecutor executor =
            BatchUdfExecutor.open(
                "f",
                udf,
                List.of(INT),
                new UdfContext(0, 0, Map.of(), List.of()),
                size,
                policy,
                allocator)) {
      input.allocateNew(1000);
      for (int i = 0; i < 1000; i++) {
        input.set(i, i);
      }
      input.setValueCount(1000);
      executor.run(List.of(input), 1000, row -> 5000 + row, results);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 40, 1000})
  void aRowThatFailsIsNullAndToldOf(int batch) throws Exception {
    Results results = new Results();
    Throws udf = new Throws(v -> v == 17 || v == 18 || v == 999);
    run(udf, AdaptiveBatchSize.fixed(batch), NULLS, results);

    assertThat(results.values).hasSize(1000);
    for (int i = 0; i < 1000; i++) {
      assertThat(results.values.get(i)).isEqualTo(i == 17 || i == 18 || i == 999 ? null : i);
    }
    assertThat(results.failures).containsOnlyKeys(17, 18, 999);
    RowFailure failure = results.failures.get(17);
    assertThat(failure.offset()).isEqualTo(5017);
    assertThat(failure.code()).isEqualTo(RowFailure.FUNCTION_RAISED);
    assertThat(failure.problem()).isEqualTo("java.lang.IllegalStateException: bad 17");
    assertThat(failure.attempt()).isEqualTo(1);
    assertThat(failure.trace())
        .startsWith("java.lang.IllegalStateException: bad 17\n")
        .doesNotContain("BatchUdfExecutor");
    assertThat(results.failures.get(18).problem())
        .isEqualTo("java.util.concurrent.TimeoutException");
  }

  @Test
  void fewRowsAreComputedTwice() throws Exception {
    Throws udf = new Throws(v -> v == 517);
    run(udf, AdaptiveBatchSize.fixed(100), NULLS, new Results());
    int calls = udf.seen.values().stream().mapToInt(Integer::intValue).sum();
    assertThat(calls).isLessThan(1000 + 3 * 100);
    assertThat(Collections.max(udf.seen.values())).isLessThanOrEqualTo(8);
  }

  @Test
  void whereManyRowsFailBatchesGetSmall() throws Exception {
    Throws udf = new Throws(v -> v % 10 == 3);
    run(udf, AdaptiveBatchSize.adaptive(Duration.ofHours(1)), NULLS, new Results());
    assertThat(udf.seen.values().stream().mapToInt(Integer::intValue).sum()).isLessThan(4500);
  }

  @Test
  void aBatchThatIsTooLargeTellsTheSizeOfThoseAfterIt() throws Exception {
    Results results = new Results();
    Throws udf =
        new Throws(v -> false) {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from)
              throws Exception {
            FieldVector values = super.apply(inputs, rows, from);
            if (rows > 60) {
              throw new IllegalArgumentException("too many");
            }
            return values;
          }
        };
    run(udf, AdaptiveBatchSize.fixed(200), NULLS, results);
    assertThat(results.values).hasSize(1000).doesNotContainNull();
    assertThat(results.failures).isEmpty();
    // Twice 200 and 100; then by 100, and at last by 50.
    assertThat(udf.batches.stream().filter(rows -> rows > 60)).hasSizeLessThanOrEqualTo(8);
    assertThat(udf.batches.subList(udf.batches.size() - 4, udf.batches.size())).containsOnly(50);
  }

  @Test
  void aRowIsTriedAgainBeforeItCounts() throws Exception {
    Results results = new Results();
    Map<Integer, Integer> tries = new TreeMap<>();
    // Row 4 works when it is tried alone for the third time.
    Throws udf = new Throws(v -> v == 5 || (v == 4 && tries.merge(v, 1, Integer::sum) < 3)) {};
    ErrorPolicy policy = new ErrorPolicy(true, 2, 1, "", 0, Long.MAX_VALUE, 1);
    run(udf, AdaptiveBatchSize.fixed(1), policy, results);
    assertThat(results.values.get(4)).isEqualTo(4);
    assertThat(results.failures).containsOnlyKeys(5);
    assertThat(results.failures.get(5).attempt()).isEqualTo(3);
    assertThat(udf.seen).containsEntry(5, 3).containsEntry(6, 1);
  }

  @Test
  void onlyWhatRetryOnFindsIsTriedAgain() throws Exception {
    Results results = new Results();
    Throws udf = new Throws(v -> v == 4 || v == 5);
    ErrorPolicy policy =
        new ErrorPolicy(true, 2, 0, "TimeoutException|reset", 0, Long.MAX_VALUE, 1);
    run(udf, AdaptiveBatchSize.fixed(1), policy, results);
    assertThat(results.failures.get(4).attempt()).isEqualTo(3);
    assertThat(results.failures.get(5).attempt()).isEqualTo(1);
  }

  @Test
  void underFailTheFirstBadRowIsNamedAndRowsBeforeItAreHandedOn() {
    Results results = new Results();
    Throws udf = new Throws(v -> v == 51 || v == 60);
    assertThatThrownBy(() -> run(udf, AdaptiveBatchSize.fixed(40), ErrorPolicy.FAIL, results))
        .isInstanceOf(UdfException.class)
        .hasMessage(
            "Function 'f' failed with java.lang.IllegalStateException: bad 51,"
                + " on the row at physical offset 5051.");
    assertThat(results.values).hasSize(51);
    assertThat(udf.seen.values().stream().mapToInt(Integer::intValue).sum())
        .isLessThanOrEqualTo(40 + 3 * 40);
  }

  @Test
  void aBrokenPromiseIsNoRowsFault() {
    Throws udf =
        new Throws(v -> false) {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from) {
            IntVector one = new IntVector("sum", from);
            one.setValueCount(1);
            return one;
          }
        };
    assertThatThrownBy(() -> run(udf, AdaptiveBatchSize.fixed(10), NULLS, new Results()))
        .hasMessage(
            "Function 'f' returned 1 values for 10 rows,"
                + " on the rows at physical offsets 5000 to 5009.");
  }

  @Test
  void aRowThatTakesTooLongHasFailed() throws Exception {
    Results results = new Results();
    Throws udf =
        new Throws(v -> false) {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from)
              throws Exception {
            FieldVector values = super.apply(inputs, rows, from);
            if (((IntVector) values).get(0) <= 7 && ((IntVector) values).get(rows - 1) >= 7) {
              new CountDownLatch(1).await();
            }
            return values;
          }
        };
    ErrorPolicy policy = new ErrorPolicy(true, 0, 0, "", 50, Long.MAX_VALUE, 1);
    run(udf, AdaptiveBatchSize.fixed(10), policy, results);
    assertThat(results.values).hasSize(1000);
    assertThat(results.failures).containsOnlyKeys(7);
    RowFailure failure = results.failures.get(7);
    assertThat(failure.code()).isEqualTo(RowFailure.ROW_TIMEOUT);
    assertThat(failure.problem())
        .isEqualTo("java.util.concurrent.TimeoutException: row_timeout of 50 ms is over");
    assertThat(failure.trace()).contains("CountDownLatch.await");
  }

  @Test
  void aFunctionThatIgnoresItsInterruptIsToldSo() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    TimedCalls calls = new TimedCalls("f", Duration.ofMillis(20), Duration.ofMillis(50));
    assertThatThrownBy(
            () ->
                calls.call(
                    () -> {
                      while (end.getCount() > 0) {
                        Thread.onSpinWait();
                      }
                      return null;
                    },
                    late -> {}))
        .isInstanceOf(TimedCalls.StuckException.class)
        .hasMessageContaining("The function ignores interrupts: it still ran 50 ms after");
    assertThat(calls.stuck()).isTrue();
    end.countDown();
    calls.close();
  }

  @Test
  void anInterruptOfTheTaskReachesTheFunction() throws Exception {
    try (TimedCalls calls = new TimedCalls("f", Duration.ofMinutes(5), Duration.ofMinutes(1))) {
      AtomicBoolean interrupted = new AtomicBoolean();
      Thread task = Thread.currentThread();
      assertThatThrownBy(
              () ->
                  calls.call(
                      () -> {
                        task.interrupt();
                        try {
                          new CountDownLatch(1).await();
                        } catch (InterruptedException e) {
                          interrupted.set(true);
                        }
                        return null;
                      },
                      late -> {}))
          .isInstanceOf(InterruptedException.class)
          .hasMessage(null);
      assertThat(interrupted).isTrue();
      assertThat(calls.stuck()).isFalse();
      Thread.interrupted();
    }
  }
}
