package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A task that runs out of memory frees what it took: an executor outlives its tasks. */
class TestBatchMemory {
  private static final List<Field> FIELDS =
      List.of(
          Field.nullable("a", new ArrowType.Int(32, true)),
          Field.nullable("b", new ArrowType.Int(32, true)));

  @Test
  void aSliceThatFailsAtItsSecondVectorFreesTheFirst() {
    try (RootAllocator root = new RootAllocator();
        OffsetBatch batch = batch(root, 0, 1000, 2)) {
      long before = root.getAllocatedMemory();
      // Each vector's validity bits are copied, since the slice does not begin at a byte.
      try (BufferAllocator narrow = root.newChildAllocator("narrow", 0, 200)) {
        assertThatThrownBy(() -> batch.slice(3, 900, narrow))
            .isInstanceOf(OutOfMemoryException.class)
            .hasMessageContaining("Unable to allocate");
        assertThat(narrow.getAllocatedMemory()).isZero();
      }
      assertThat(root.getAllocatedMemory()).isEqualTo(before);
    }
  }

  /** Runs of 3 rows from each of two streams, and gaps, so that every way of emitting is taken. */
  @ParameterizedTest
  @ValueSource(longs = {64, 700, 3000, 20_000, 60_000, 120_000})
  void anAssemblyThatRunsOutOfMemoryFreesAllItTook(long limit) {
    try (RootAllocator root = new RootAllocator()) {
      try (BufferAllocator narrow = root.newChildAllocator("narrow", 0, limit);
          Batches one = new Batches(root, 0, 1);
          Batches other = new Batches(root, 3, 1);
          Batches late = new Batches(root, 20_000, 500)) {
        List<Integer> emitted = new ArrayList<>();
        assertThatThrownBy(
                () ->
                    new ColumnAssembler(FIELDS, narrow, rows -> emitted.add(rows.getRowCount()))
                        .assemble(40_000, List.of(one, other, late)))
            .isInstanceOf(OutOfMemoryException.class)
            .hasMessageContaining("Unable to allocate");
        assertThat(narrow.getAllocatedMemory()).isZero();
      }
      assertThat(root.getAllocatedMemory()).isZero();
    }
  }

  private static OffsetBatch batch(BufferAllocator allocator, int first, int rows, int step) {
    int[] offsets = new int[rows];
    List<FieldVector> values = new ArrayList<>();
    for (Field field : FIELDS) {
      IntVector vector = (IntVector) field.createVector(allocator);
      vector.allocateNew(rows);
      for (int i = 0; i < rows; i++) {
        offsets[i] = first + i * step;
        vector.set(i, i);
      }
      vector.setValueCount(rows);
      values.add(vector);
    }
    return new OffsetBatch(offsets, values);
  }

  /** Twenty batches of rows that lie six apart, or side by side. */
  private static final class Batches implements OffsetStream {
    private final Iterator<OffsetBatch> batches;
    private final List<OffsetBatch> all = new ArrayList<>();

    Batches(BufferAllocator allocator, int first, int rows) {
      for (int i = 0; i < 20; i++) {
        all.add(batch(allocator, first + i * Math.max(6, rows), rows, 1));
      }
      this.batches = List.copyOf(all).iterator();
    }

    @Override
    public OffsetBatch next() {
      return batches.hasNext() ? batches.next() : null;
    }

    @Override
    public void close() {
      all.forEach(OffsetBatch::close);
    }
  }
}
