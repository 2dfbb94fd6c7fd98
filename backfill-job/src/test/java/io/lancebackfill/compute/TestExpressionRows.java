package io.lancebackfill.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.task.OffsetBatch;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.api.python.PythonException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestExpressionRows {
  private static final List<Field> FIELDS =
      List.of(Field.nullable("v", new ArrowType.Int(32, true)));

  /** Fragment 3's row at an offset, with ten times the offset as its value. */
  private static InternalRow row(long offset) {
    return new GenericInternalRow(new Object[] {3L << 32 | offset, (int) offset * 10});
  }

  private static List<String> read(ExpressionRows rows) {
    List<String> read = new ArrayList<>();
    for (OffsetBatch batch = rows.next(); batch != null; batch = rows.next()) {
      try (OffsetBatch closed = batch) {
        IntVector values = (IntVector) closed.values().get(0);
        for (int i = 0; i < closed.rows(); i++) {
          read.add(closed.offsets()[i] + "=" + values.get(i));
        }
      }
    }
    return read;
  }

  private static List<String> read(Supplier<Iterator<InternalRow>> query) {
    try (RootAllocator allocator = new RootAllocator();
        ExpressionRows rows =
            new ExpressionRows(new QueryRows(query, FIELDS), 3, 20_000, FIELDS, allocator)) {
      return read(rows);
    }
  }

  @Test
  void givesTheRowsByTheirOffsetsInTheFragment() {
    assertThat(read(() -> List.of(row(0), row(7), row(8)).iterator()))
        .containsExactly("0=0", "7=70", "8=80");
    assertThat(read(() -> List.<InternalRow>of().iterator())).isEmpty();
  }

  @Test
  void rowsOfTheNextFragmentAreLeftToIt() {
    InternalRow next = new GenericInternalRow(new Object[] {5L << 32, 7});
    QueryRows query = new QueryRows(() -> List.of(row(0), row(1), next).iterator(), FIELDS);
    try (RootAllocator allocator = new RootAllocator()) {
      assertThat(read(query, 3, 3, allocator)).containsExactly("0=0", "1=10");
      assertThat(read(query, 4, 1, allocator)).isEmpty();
      assertThat(read(query, 5, 1, allocator)).containsExactly("0=7");
    }
  }

  private static List<String> read(
      QueryRows query, int fragment, int count, BufferAllocator allocator) {
    try (ExpressionRows rows = new ExpressionRows(query, fragment, count, FIELDS, allocator)) {
      return read(rows);
    }
  }

  @Test
  void noRowIsComputedThatIsNotAskedFor() {
    List<Long> computed = new ArrayList<>();
    QueryRows query =
        new QueryRows(
            () ->
                List.of(0L, 1L, 2L).stream()
                    .peek(computed::add)
                    .map(TestExpressionRows::row)
                    .iterator(),
            FIELDS);
    try (RootAllocator allocator = new RootAllocator()) {
      assertThat(read(query, 3, 2, allocator)).containsExactly("0=0", "1=10");
      assertThat(computed).containsExactly(0L, 1L);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4095, 4096, 4097, 10_000})
  void cutsManyRowsIntoBatches(int count) {
    assertThat(read(() -> IntStream.range(0, count).mapToObj(TestExpressionRows::row).iterator()))
        .hasSize(count)
        .endsWith(count - 1 + "=" + (count - 1) * 10);
  }

  @Test
  void theQueryBeginsWhenTheFirstRowIsAskedFor() {
    List<String> begun = new ArrayList<>();
    try (RootAllocator allocator = new RootAllocator();
        ExpressionRows rows =
            new ExpressionRows(
                new QueryRows(
                    () -> {
                      begun.add("now");
                      return List.of(row(1)).iterator();
                    },
                    FIELDS),
                3,
                1,
                FIELDS,
                allocator)) {
      assertThat(begun).isEmpty();
      assertThat(read(rows)).containsExactly("1=10");
      assertThat(begun).hasSize(1);
    }
  }

  /** Where the failure shows depends on Spark's plan. */
  private enum Where {
    BEGIN,
    HAS_NEXT,
    NEXT
  }

  private static Supplier<Iterator<InternalRow>> failing(Where where, Throwable failure) {
    return () -> {
      if (where == Where.BEGIN) {
        throw sneaky(failure);
      }
      Iterator<InternalRow> first = List.of(row(5)).iterator();
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          if (!first.hasNext() && where == Where.HAS_NEXT) {
            throw sneaky(failure);
          }
          return true;
        }

        @Override
        public InternalRow next() {
          if (first.hasNext()) {
            return first.next();
          }
          throw sneaky(failure);
        }
      };
    };
  }

  /** Scala declares no checked exceptions. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneaky(Throwable failure) throws E {
    throw (E) failure;
  }

  private static BackfillErrorCode code(Where where, Throwable failure) {
    List<BackfillErrorCode> codes = new ArrayList<>();
    assertThatThrownBy(() -> read(failing(where, failure)))
        .isInstanceOfSatisfying(BackfillException.class, e -> codes.add(e.code()));
    return codes.get(0);
  }

  private static Throwable fromSocketOfWorker() {
    EOFException gone = new EOFException();
    gone.setStackTrace(
        new StackTraceElement[] {
          new StackTraceElement(
              "org.apache.spark.api.python.BasePythonRunner$ReaderIterator", "read", "R", 1)
        });
    return new IllegalStateException("Python worker exited unexpectedly (crashed)", gone);
  }

  @Test
  void aFailureHasOneCodeWhereverItShows() {
    for (Where where : Where.values()) {
      assertThat(code(where, new IllegalArgumentException("bad row")))
          .isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
      assertThat(code(where, new PythonException("ValueError: no", null)))
          .isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
      assertThat(code(where, new StackOverflowError()))
          .isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
      assertThat(code(where, fromSocketOfWorker())).isEqualTo(BackfillErrorCode.PROCESS_LOST);
      assertThat(code(where, new IOException("No space left on device")))
          .isEqualTo(BackfillErrorCode.TASK_FAILED);
    }
  }

  @Test
  void theMessageSaysAfterWhichRowTheFunctionFailed() {
    assertThatThrownBy(() -> read(failing(Where.NEXT, new IllegalArgumentException("bad row"))))
        .hasMessageContaining("bad row")
        .hasMessageContaining("on a row after the one at physical offset 5");
    assertThatThrownBy(() -> read(failing(Where.BEGIN, new IllegalArgumentException("bad row"))))
        .hasMessageNotContaining("physical offset");
  }
}
