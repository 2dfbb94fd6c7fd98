package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TestColumnAssembler {
  private static final List<Field> FIELDS =
      List.of(Field.nullable("n", new ArrowType.Int(32, true)));

  private final BufferAllocator allocator = new RootAllocator();
  private final List<@Nullable Integer> emitted = new ArrayList<>();

  /** Fails if anything is left allocated. */
  @AfterEach
  void close() {
    allocator.close();
  }

  /** Rows at some offsets with the value factor times offset, in batches. */
  private final class Rows implements OffsetStream {
    private final Deque<OffsetBatch> batches = new ArrayDeque<>();

    Rows(int factor, int perBatch, int... offsets) {
      for (int from = 0; from < offsets.length; from += perBatch) {
        int[] some = Arrays.copyOfRange(offsets, from, Math.min(offsets.length, from + perBatch));
        IntVector vector = (IntVector) FIELDS.get(0).createVector(allocator);
        for (int i = 0; i < some.length; i++) {
          vector.setSafe(i, factor * some[i]);
        }
        vector.setValueCount(some.length);
        batches.add(new OffsetBatch(some, List.of(vector)));
      }
    }

    @Override
    public @Nullable OffsetBatch next() {
      return batches.poll();
    }

    @Override
    public void close() {
      batches.forEach(OffsetBatch::close);
      batches.clear();
    }
  }

  private void assemble(int physicalRows, OffsetStream... streams) {
    try {
      new ColumnAssembler(
              FIELDS,
              allocator,
              root -> {
                IntVector vector = (IntVector) root.getVector(0);
                for (int i = 0; i < root.getRowCount(); i++) {
                  emitted.add(vector.isNull(i) ? null : vector.get(i));
                }
              })
          .assemble(physicalRows, List.of(streams));
    } finally {
      for (OffsetStream stream : streams) {
        stream.close();
      }
    }
  }

  @Test
  void rowsThatNoStreamHoldsAreNull() {
    assemble(6, new Rows(1, 2, 1, 2, 4));
    assertThat(emitted).containsExactly(null, 1, 2, null, 4, null);
  }

  @Test
  void nothingButNulls() {
    assemble(20_000);
    assertThat(emitted).hasSize(20_000).containsOnlyNulls();
  }

  @Test
  void theEarlierStreamWins() {
    assemble(6, new Rows(10, 1, 1, 4), new Rows(1, 4, 0, 1, 2, 3, 4, 5));
    assertThat(emitted).containsExactly(0, 10, 2, 3, 40, 5);
  }

  @Test
  void longAndShortRunsInterleaved() {
    int[] all = IntStream.range(0, 1000).toArray();
    int[] some = IntStream.range(0, 1000).filter(i -> i % 300 < 100 || i % 7 == 0).toArray();
    assemble(1000, new Rows(-1, 33, some), new Rows(1, 250, all));
    assertThat(emitted)
        .containsExactlyElementsOf(
            IntStream.range(0, 1000).mapToObj(i -> i % 300 < 100 || i % 7 == 0 ? -i : i).toList());
  }

  @Test
  void streamsAreReadToTheirEndsWhereTheyCheckThemselves() {
    OffsetStream incomplete =
        new OffsetStream() {
          @Override
          public @Nullable OffsetBatch next() {
            throw new IllegalStateException("a row is missing");
          }

          @Override
          public void close() {}
        };
    assertThatThrownBy(() -> assemble(2, new Rows(1, 2, 0, 1), incomplete))
        .hasMessage("a row is missing");
  }
}
