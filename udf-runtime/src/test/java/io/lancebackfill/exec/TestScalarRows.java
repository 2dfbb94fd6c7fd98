package io.lancebackfill.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ScalarUdf1;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import io.lancebackfill.udf.scalar.ScalarColumnUdf;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions on single rows under the policies of failed rows. */
class TestScalarRows {
  private static final Field INT = Field.nullable("x", new ArrowType.Int(32, true));

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

  /** The number as text; NULL for every tenth; throws where it is 17, 18 or 99. */
  public static final class Words implements ScalarUdf1<@Nullable Integer, @Nullable String> {
    final Map<Integer, Integer> seen = new TreeMap<>();
    int waitsAt = Integer.MIN_VALUE;

    @Override
    public @Nullable String call(@Nullable Integer value) throws Exception {
      int v = value == null ? -1 : value;
      seen.merge(v, 1, Integer::sum);
      if (v == waitsAt) {
        new CountDownLatch(1).await();
      }
      if (v == 17 || v == 18 || v == 99) {
        throw new IllegalStateException("bad " + v);
      }
      return v % 10 == 0 ? null : "w" + v;
    }
  }

  private static final class Results implements BatchUdfExecutor.ResultConsumer {
    final List<@Nullable String> values = new ArrayList<>();
    final Map<Integer, RowFailure> failures = new TreeMap<>();

    @Override
    public void accept(FieldVector batch, int firstRow, int rows) {
      assertThat(firstRow).isEqualTo(values.size());
      assertThat(batch.getValueCount()).isEqualTo(rows);
      for (int i = 0; i < rows; i++) {
        values.add(batch.isNull(i) ? null : ((VarCharVector) batch).getObject(i).toString());
      }
    }

    @Override
    public void failed(FieldVector nothing, int row, RowFailure failure) {
      accept(nothing, row, 1);
      failures.put(row, failure);
    }
  }

  private void run(ColumnUdf udf, int batch, ErrorPolicy policy, Results results) throws Exception {
    try (IntVector input = new IntVector("x", allocator);
        BatchUdfExecutor executor =
            BatchUdfExecutor.open(
                "f",
                udf,
                List.of(INT),
                new UdfContext(0, 0, Map.of(), List.of()),
                AdaptiveBatchSize.fixed(batch),
                policy,
                allocator)) {
      input.allocateNew(100);
      for (int i = 0; i < 100; i++) {
        input.set(i, i);
      }
      input.setNull(5);
      input.setValueCount(100);
      executor.run(List.of(input), 100, row -> 5000 + row, results);
    }
  }

  private static ErrorPolicy nulls(int retries, long rowTimeoutMs) {
    return new ErrorPolicy(true, retries, 0, "", rowTimeoutMs, Long.MAX_VALUE, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 100})
  void onlyTheRowThatFailsIsTriedAgain(int batch) throws Exception {
    Words words = new Words();
    Results results = new Results();
    run(new ScalarColumnUdf(words), batch, nulls(2, 0), results);
    assertThat(results.values).hasSize(100);
    for (int i = 0; i < 100; i++) {
      boolean isNull = i % 10 == 0 || i == 17 || i == 18 || i == 99;
      assertThat(results.values.get(i)).isEqualTo(i == 5 ? "w-1" : isNull ? null : "w" + i);
    }
    assertThat(results.failures).containsOnlyKeys(17, 18, 99);
    RowFailure failure = results.failures.get(17);
    assertThat(failure.offset()).isEqualTo(5017);
    assertThat(failure.attempt()).isEqualTo(3);
    assertThat(failure.trace())
        .startsWith("java.lang.IllegalStateException: bad 17\n")
        .doesNotContain("udf.scalar")
        .doesNotContain("BatchUdfExecutor");
    assertThat(words.seen.remove(17)).isEqualTo(3);
    assertThat(words.seen.remove(18)).isEqualTo(3);
    assertThat(words.seen.remove(99)).isEqualTo(3);
    assertThat(words.seen.values()).containsOnly(1);
  }

  @Test
  void withoutAPolicyWhatIsBeforeTheRowIsKept() {
    Results results = new Results();
    assertThatThrownBy(() -> run(new ScalarColumnUdf(new Words()), 100, ErrorPolicy.FAIL, results))
        .isInstanceOf(UdfException.class)
        .hasMessageContaining("on the row at physical offset 5017");
    assertThat(results.values).hasSize(17);
  }

  @Test
  void aRowThatTakesTooLongHasFailedAlone() throws Exception {
    Words words = new Words();
    words.waitsAt = 50;
    Results results = new Results();
    run(new ScalarColumnUdf(words), 100, nulls(0, 100), results);
    assertThat(results.failures).containsOnlyKeys(17, 18, 50, 99);
    assertThat(results.failures.get(50).code()).isEqualTo(RowFailure.ROW_TIMEOUT);
    assertThat(words.seen.values()).containsOnly(1);
  }

  public static final class Vectors implements ScalarUdf1<Integer, float[]> {
    @Override
    public Optional<Field> output(List<Field> inputs) {
      return Optional.of(vector());
    }

    private static Field vector() {
      return io.lancebackfill.udf.ScalarUdf.vector(3);
    }

    @Override
    public float[] call(@Nullable Integer value) {
      return new float[value != null && value == 40 ? 4 : 3];
    }
  }

  @Test
  void aValueThatIsNotOfTheTypeIsNoRowsFault() {
    List<Integer> rows = new ArrayList<>();
    assertThatThrownBy(
            () -> {
              try (IntVector input = new IntVector("x", allocator);
                  BatchUdfExecutor executor =
                      BatchUdfExecutor.open(
                          "f",
                          new ScalarColumnUdf(new Vectors()),
                          List.of(INT),
                          new UdfContext(0, 0, Map.of(), List.of()),
                          AdaptiveBatchSize.fixed(100),
                          nulls(0, 0),
                          allocator)) {
                input.allocateNew(100);
                for (int i = 0; i < 100; i++) {
                  input.set(i, i);
                }
                input.setValueCount(100);
                executor.run(List.of(input), 100, row -> row, (v, first, n) -> rows.add(n));
              }
            })
        .isInstanceOf(UdfException.class)
        .hasMessageContaining("returned a vector of 4 values where its output() promised")
        .hasMessageContaining("on the row at physical offset 40");
    assertThat(rows).containsExactly(40);
  }
}
