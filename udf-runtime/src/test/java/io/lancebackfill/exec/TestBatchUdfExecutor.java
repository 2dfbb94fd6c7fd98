package io.lancebackfill.exec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TestBatchUdfExecutor {
  private static final UdfContext CONTEXT = new UdfContext(3, 17, Map.of(), List.of());
  private static final Field INT =
      new Field("x", FieldType.nullable(new ArrowType.Int(32, true)), List.of());

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

  @Test
  void computesAllRowsInOrderInBatchesOfTheGivenSize() throws Exception {
    List<Integer> results = new ArrayList<>();
    List<String> batches = new ArrayList<>();
    try (IntVector input = ints(10);
        BatchUdfExecutor executor = executor(new PlusOne(), AdaptiveBatchSize.fixed(4), INT)) {
      executor.run(
          List.of(input),
          10,
          row -> row,
          (values, first, rows) -> {
            batches.add(first + "+" + rows);
            for (int i = 0; i < rows; i++) {
              results.add(((IntVector) values).getObject(i));
            }
          });
      assertThat(input.getValueCount()).isEqualTo(10);
      assertThat(input.get(9)).isEqualTo(9);
    }

    assertThat(batches).containsExactly("0+4", "4+4", "8+2");
    assertThat(results).containsExactly(1, 2, 3, null, 5, 6, 7, 8, 9, 10);
  }

  @Test
  void adaptiveBatchesBeginWith32Rows() throws Exception {
    List<Integer> sizes = new ArrayList<>();
    try (IntVector input = ints(5000);
        BatchUdfExecutor executor =
            executor(new PlusOne(), AdaptiveBatchSize.adaptive(Duration.ofHours(1)), INT)) {
      executor.run(List.of(input), 5000, row -> row, (values, first, rows) -> sizes.add(rows));
    }

    assertThat(sizes).startsWith(32, 64, 128);
    assertThat(sizes.stream().mapToInt(Integer::intValue).sum()).isEqualTo(5000);
  }

  @Test
  void noRowsNeedNoCall() throws Exception {
    Recording udf = new Recording();
    try (IntVector input = ints(0);
        BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(4), INT)) {
      executor.run(List.of(input), 0, row -> row, (values, first, rows) -> udf.calls.add("result"));
    }

    assertThat(udf.calls).containsExactly("open 3/17", "close");
  }

  @Test
  void opensAndClosesOncePerTask() throws Exception {
    Recording udf = new Recording();
    try (IntVector input = ints(3)) {
      BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(2), INT);
      executor.run(List.of(input), 3, row -> row, (values, first, rows) -> {});
      executor.run(List.of(input), 3, row -> row, (values, first, rows) -> {});
      executor.close();
      executor.close();
    }

    assertThat(udf.calls).containsExactly("open 3/17", "2", "1", "2", "1", "close");
  }

  @Test
  void fixedWidthInputsAreViewsOfTheCallersBuffers() throws Exception {
    Addresses udf = new Addresses();
    try (IntVector input = ints(64);
        BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(16), INT)) {
      executor.run(List.of(input), 64, row -> row, (values, first, rows) -> {});

      long data = input.getDataBuffer().memoryAddress();
      assertThat(udf.data).containsExactly(data, data + 64, data + 128, data + 192);
      long validity = input.getValidityBuffer().memoryAddress();
      assertThat(udf.validity).containsExactly(validity, validity + 2, validity + 4, validity + 6);
    }
  }

  @Test
  void variableWidthInputsAreViewsOfTheCallersBuffers() throws Exception {
    Addresses udf = new Addresses();
    try (VarCharVector input = new VarCharVector("s", allocator)) {
      for (int i = 0; i < 32; i++) {
        input.setSafe(i, "0123456789".getBytes(UTF_8));
      }
      input.setValueCount(32);
      try (BatchUdfExecutor executor =
          executor(udf, AdaptiveBatchSize.fixed(8), input.getField())) {
        executor.run(List.of(input), 32, row -> row, (values, first, rows) -> {});
      }

      long data = input.getDataBuffer().memoryAddress();
      assertThat(udf.data).containsExactly(data, data + 80, data + 160, data + 240);
    }
  }

  @Test
  void vectorsOfFloatsAreViewsOfTheCallersBuffers() throws Exception {
    Field list =
        new Field(
            "v",
            FieldType.nullable(new ArrowType.FixedSizeList(4)),
            List.of(
                new Field(
                    "item",
                    FieldType.nullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)),
                    List.of())));
    Addresses udf = new Addresses();
    try (FixedSizeListVector input = (FixedSizeListVector) list.createVector(allocator)) {
      input.setValueCount(16);
      Float4Vector items = (Float4Vector) input.getDataVector();
      for (int i = 0; i < 64; i++) {
        items.setSafe(i, i);
      }
      for (int i = 0; i < 16; i++) {
        input.setNotNull(i);
      }
      try (BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(8), list)) {
        executor.run(List.of(input), 16, row -> row, (values, first, rows) -> {});
      }

      long data = items.getDataBuffer().memoryAddress();
      assertThat(udf.data).containsExactly(data, data + 8 * 4 * 4);
    }
  }

  @Test
  void listsKeepTheirValuesWhenCut() throws Exception {
    List<Object> seen = new ArrayList<>();
    try (ListVector input = ListVector.empty("l", allocator)) {
      UnionListWriter writer = input.getWriter();
      for (int i = 0; i < 5; i++) {
        writer.setPosition(i);
        writer.startList();
        for (int j = 0; j < i; j++) {
          writer.integer().writeInt(10 * i + j);
        }
        writer.endList();
      }
      input.setValueCount(5);
      try (BatchUdfExecutor executor =
          executor(new Identity(), AdaptiveBatchSize.fixed(2), input.getField())) {
        executor.run(
            List.of(input),
            5,
            row -> row,
            (values, first, rows) -> {
              for (int i = 0; i < rows; i++) {
                seen.add(values.getObject(i));
              }
            });
      }
      assertThat(input.getObject(4)).hasSize(4);
    }

    assertThat(seen).hasToString("[[], [10], [20,21], [30,31,32], [40,41,42,43]]");
  }

  @Test
  void aBatchHoldsAtMost8MiBOfInput() throws Exception {
    List<Integer> sizes = new ArrayList<>();
    byte[] threeMiB = new byte[3 << 20];
    try (VarCharVector input = new VarCharVector("s", allocator)) {
      for (int i = 0; i < 7; i++) {
        input.setSafe(i, i == 5 ? new byte[9 << 20] : threeMiB);
      }
      input.setValueCount(7);
      try (BatchUdfExecutor executor =
          executor(
              new Identity(), AdaptiveBatchSize.adaptive(Duration.ofHours(1)), input.getField())) {
        executor.run(List.of(input), 7, row -> row, (values, first, rows) -> sizes.add(rows));
      }
    }

    assertThat(sizes).containsExactly(2, 2, 1, 1, 1);
  }

  @Test
  void aConsumerMayKeepTheResult() throws Exception {
    List<FieldVector> kept = new ArrayList<>();
    try (IntVector input = ints(3);
        BatchUdfExecutor executor = executor(new Identity(), AdaptiveBatchSize.fixed(8), INT)) {
      executor.run(
          List.of(input),
          3,
          row -> row,
          (values, first, rows) -> {
            var pair = values.getTransferPair(allocator);
            pair.transfer();
            kept.add((FieldVector) pair.getTo());
          });
      assertThat(input.get(2)).isEqualTo(2);
    }

    try (FieldVector result = kept.get(0)) {
      assertThat(result.getObject(1)).isEqualTo(1);
    }
  }

  @Test
  void aThrowingFunctionNamesItselfAndThePhysicalRow() {
    try (IntVector input = ints(10);
        BatchUdfExecutor executor = executor(new FailsAt(7), AdaptiveBatchSize.fixed(4), INT)) {
      assertThatThrownBy(
              () ->
                  executor.run(
                      List.of(input), 10, row -> 1000L + 2L * row, (values, first, rows) -> {}))
          .isInstanceOfSatisfying(
              UdfException.class,
              e -> {
                assertThat(e.function()).isEqualTo("f");
                assertThat(e.firstRow()).isEqualTo(1014);
                assertThat(e.lastRow()).isEqualTo(1014);
              })
          .hasMessage(
              "Function 'f' failed with java.lang.IllegalStateException: bad 7,"
                  + " on the row at physical offset 1014.")
          .hasCauseInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void anInterruptedFunctionLeavesTheThreadInterrupted() {
    ColumnUdf udf =
        new Identity() {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from)
              throws Exception {
            throw new InterruptedException("stop");
          }
        };
    try (IntVector input = ints(1);
        BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(4), INT)) {
      assertThatThrownBy(
              () -> executor.run(List.of(input), 1, row -> row, (values, first, rows) -> {}))
          .isInstanceOf(UdfException.class)
          .hasMessageContaining("was interrupted");
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void refusesAWrongNumberOfValues() {
    ColumnUdf udf =
        new Identity() {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from) {
            IntVector result = new IntVector("r", from);
            result.setValueCount(rows - 1);
            return result;
          }
        };
    assertContractBroken(udf, "returned 3 values for 4 rows");
  }

  @Test
  void refusesAWrongType() {
    ColumnUdf udf =
        new Identity() {
          @Override
          public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from) {
            VarCharVector result = new VarCharVector("r", from);
            result.setValueCount(rows);
            return result;
          }
        };
    assertContractBroken(
        udf, "returned values of type Utf8 where its output() promised Int(32, true)");
  }

  @Test
  void refusesNull() {
    ColumnUdf udf =
        new Identity() {
          @Override
          @SuppressWarnings("NullAway") // What a careless implementation does.
          public @Nullable FieldVector apply(
              List<FieldVector> inputs, int rows, BufferAllocator from) {
            return null;
          }
        };
    assertContractBroken(udf, "returned null instead of a vector");
  }

  @Test
  void whatTheConsumerThrowsIsNotTheFunctionsFault() {
    try (IntVector input = ints(4);
        BatchUdfExecutor executor = executor(new PlusOne(), AdaptiveBatchSize.fixed(4), INT)) {
      assertThatThrownBy(
              () ->
                  executor.run(
                      List.of(input),
                      4,
                      row -> row,
                      (values, first, rows) -> {
                        throw new java.io.IOException("disk full");
                      }))
          .isInstanceOf(java.io.IOException.class)
          .hasMessage("disk full");
    }
  }

  @Test
  void aFunctionThatCannotOpenIsClosed() {
    Recording udf =
        new Recording() {
          @Override
          public void open(UdfContext context) {
            throw new IllegalStateException("no model");
          }
        };

    assertThatThrownBy(() -> executor(udf, AdaptiveBatchSize.fixed(4), INT))
        .isInstanceOfSatisfying(UdfException.class, e -> assertThat(e.firstRow()).isEqualTo(-1))
        .hasMessage("Function 'f' failed while opening: java.lang.IllegalStateException: no model");
    assertThat(udf.calls).containsExactly("close");
  }

  private void assertContractBroken(ColumnUdf udf, String problem) {
    try (IntVector input = ints(4);
        BatchUdfExecutor executor = executor(udf, AdaptiveBatchSize.fixed(8), INT)) {
      assertThatThrownBy(
              () -> executor.run(List.of(input), 4, row -> row, (values, first, rows) -> {}))
          .isInstanceOf(UdfException.class)
          .hasMessage("Function 'f' " + problem + ", on the rows at physical offsets 0 to 3.")
          .hasNoCause();
    }
  }

  private BatchUdfExecutor executor(ColumnUdf udf, AdaptiveBatchSize size, Field input) {
    return executor(udf, size, ErrorPolicy.FAIL, input);
  }

  private BatchUdfExecutor executor(
      ColumnUdf udf, AdaptiveBatchSize size, ErrorPolicy policy, Field input) {
    return BatchUdfExecutor.open("f", udf, List.of(input), CONTEXT, size, policy, allocator);
  }

  /** 0, 1, 2, null, 4, ... */
  private IntVector ints(int rows) {
    IntVector vector = new IntVector(INT, allocator);
    vector.allocateNew(Math.max(1, rows));
    for (int i = 0; i < rows; i++) {
      if (i == 3) {
        vector.setNull(i);
      } else {
        vector.set(i, i);
      }
    }
    vector.setValueCount(rows);
    return vector;
  }

  private static class Identity implements ColumnUdf {
    @Override
    public Field output(List<Field> inputs) {
      return inputs.get(0);
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator)
        throws Exception {
      return inputs.get(0);
    }
  }

  private static final class PlusOne extends Identity {
    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      IntVector input = (IntVector) inputs.get(0);
      IntVector result = new IntVector("r", allocator);
      result.allocateNew(rows);
      for (int i = 0; i < rows; i++) {
        if (!input.isNull(i)) {
          result.set(i, input.get(i) + 1);
        }
      }
      result.setValueCount(rows);
      return result;
    }
  }

  private static class Recording extends Identity {
    final List<String> calls = new ArrayList<>();

    @Override
    public void open(UdfContext context) {
      calls.add("open " + context.partition() + "/" + context.attempt());
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      calls.add(Integer.toString(rows));
      return inputs.get(0);
    }

    @Override
    public void close() {
      calls.add("close");
    }
  }

  private static final class Addresses extends Identity {
    final List<Long> data = new ArrayList<>();
    final List<Long> validity = new ArrayList<>();

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      FieldVector input = inputs.get(0);
      FieldVector values = input instanceof FixedSizeListVector list ? list.getDataVector() : input;
      data.add(values.getDataBuffer().memoryAddress());
      validity.add(values.getValidityBuffer().memoryAddress());
      return input;
    }
  }

  private static final class FailsAt extends Identity {
    private final int bad;

    FailsAt(int bad) {
      this.bad = bad;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      IntVector input = (IntVector) inputs.get(0);
      for (int i = 0; i < rows; i++) {
        if (!input.isNull(i) && input.get(i) == bad) {
          throw new IllegalStateException("bad " + bad);
        }
      }
      return input;
    }
  }
}
