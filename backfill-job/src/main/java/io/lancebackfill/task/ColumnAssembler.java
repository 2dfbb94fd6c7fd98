package io.lancebackfill.task;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.util.VectorBatchAppender;
import org.jspecify.annotations.Nullable;

/**
 * Puts the values of a fragment's rows together, from several streams, in order of the physical
 * offset and without a gap: rows that no stream holds are NULL. Where two streams hold a row, the
 * earlier stream of the list wins. Long runs of one stream pass without a copy.
 */
public final class ColumnAssembler {
  private static final int SHORT_RUN = 64;
  private static final int BATCH_ROWS = 8192;
  private static final long BATCH_BYTES = 8L << 20;

  private final List<Field> fields;
  private final BufferAllocator allocator;
  private final Consumer<VectorSchemaRoot> sink;
  private @Nullable List<FieldVector> pending;
  private int pendingRows;

  /**
   * @param sink takes each batch over: it empties or closes the root it is given
   */
  ColumnAssembler(List<Field> fields, BufferAllocator allocator, Consumer<VectorSchemaRoot> sink) {
    this.fields = fields;
    this.allocator = allocator;
    this.sink = sink;
  }

  /** Emits the rows [0, physicalRows). The streams are read to their ends and not closed. */
  void assemble(long physicalRows, List<? extends OffsetStream> streams) {
    List<Cursor> cursors = new ArrayList<>();
    try {
      for (OffsetStream stream : streams) {
        cursors.add(new Cursor(stream));
      }
      long position = 0;
      while (position < physicalRows) {
        Cursor best = null;
        long limit = physicalRows;
        for (Cursor cursor : cursors) {
          cursor.skipTo(position);
          if (best == null || cursor.head() < best.head()) {
            best = cursor;
          }
        }
        if (best == null || best.head() >= physicalRows) {
          emitNulls(physicalRows - position);
          break;
        }
        // Cursors after `best` never interrupt its run; those before it do at their heads.
        for (Cursor cursor : cursors) {
          if (cursor == best) {
            break;
          }
          limit = Math.min(limit, cursor.head());
        }
        emitNulls(best.head() - position);
        position = best.head();
        int run = best.run(limit);
        emit(best.batch(), best.index, run);
        position += run;
      }
      // The ends of the streams are read too: only there do they check that nothing was missing.
      for (Cursor cursor : cursors) {
        cursor.skipTo(Long.MAX_VALUE);
      }
      flush();
    } finally {
      cursors.forEach(Cursor::close);
      discardPending();
    }
  }

  private void emit(OffsetBatch batch, int from, int count) {
    List<FieldVector> slice = batch.slice(from, count, allocator);
    if (count >= SHORT_RUN) {
      flush();
      hand(slice, count);
    } else {
      append(slice, count);
    }
  }

  private void emitNulls(long count) {
    for (long left = count; left > 0; ) {
      int rows = (int) Math.min(left, BATCH_ROWS);
      List<FieldVector> nulls = allocated(rows);
      nulls.forEach(vector -> vector.setValueCount(rows));
      if (rows >= SHORT_RUN) {
        flush();
        hand(nulls, rows);
      } else {
        append(nulls, rows);
      }
      left -= rows;
    }
  }

  /** A vector for each column, with room for so many rows. */
  private List<FieldVector> allocated(int rows) {
    List<FieldVector> vectors = new ArrayList<>();
    try {
      for (Field field : fields) {
        FieldVector vector = field.createVector(allocator);
        vectors.add(vector);
        vector.setInitialCapacity(rows);
        vector.allocateNew();
      }
      return vectors;
    } catch (RuntimeException e) {
      vectors.forEach(ValueVector::close);
      throw e;
    }
  }

  private void append(List<FieldVector> rows, int count) {
    List<FieldVector> target;
    try {
      if (pending == null) {
        // Vectors of its own: a slice has its last byte of bits in common with the batch it is of,
        // and what is appended to it would overwrite the batch's next rows.
        pending = allocated(count);
        pendingRows = 0;
      }
      target = pending;
      for (int i = 0; i < target.size(); i++) {
        try (FieldVector alike = fields.get(i).createVector(allocator)) {
          // Sources differ in field metadata, and the appender insists that types are alike.
          rows.get(i).makeTransferPair(alike).transfer();
          VectorBatchAppender.batchAppend(target.get(i), alike);
        }
      }
    } finally {
      rows.forEach(ValueVector::close);
    }
    pendingRows += count;
    long bytes = target.stream().mapToLong(ValueVector::getBufferSize).sum();
    if (pendingRows >= BATCH_ROWS || bytes >= BATCH_BYTES) {
      flush();
    }
  }

  private void flush() {
    if (pending != null) {
      List<FieldVector> rows = pending;
      pending = null;
      hand(rows, pendingRows);
      pendingRows = 0;
    }
  }

  private void discardPending() {
    if (pending != null) {
      pending.forEach(ValueVector::close);
      pending = null;
      pendingRows = 0;
    }
  }

  private void hand(List<FieldVector> rows, int count) {
    try (VectorSchemaRoot root = new VectorSchemaRoot(fields, rows, count)) {
      sink.accept(root);
    }
  }

  /** The next row of a stream that was not emitted. */
  private static final class Cursor {
    private static final long END = Long.MAX_VALUE;
    private final OffsetStream stream;
    private @Nullable OffsetBatch batch;
    private int index;
    private boolean ended;

    Cursor(OffsetStream stream) {
      this.stream = stream;
    }

    OffsetBatch batch() {
      if (batch == null) {
        throw new IllegalStateException("no row is left");
      }
      return batch;
    }

    long head() {
      return batch == null ? END : batch.offsets()[index];
    }

    /** Drops the rows before {@code offset}. */
    void skipTo(long offset) {
      while (!ended) {
        if (batch != null) {
          int[] offsets = batch.offsets();
          if (offsets[offsets.length - 1] >= offset) {
            if (offsets[index] < offset) {
              int found = Arrays.binarySearch(offsets, index, offsets.length, (int) offset);
              index = found >= 0 ? found : -found - 1;
            }
            return;
          }
          batch.close();
        }
        batch = stream.next();
        index = 0;
        ended = batch == null;
      }
    }

    /** How many rows from here have offsets without a gap, before {@code limit}. */
    int run(long limit) {
      int[] offsets = batch().offsets();
      int first = offsets[index];
      int longest = (int) Math.min(offsets.length - index, limit - first);
      if (offsets[index + longest - 1] == first + longest - 1) {
        return longest;
      }
      int length = 1;
      while (offsets[index + length] == first + length) {
        length++;
      }
      return length;
    }

    void close() {
      if (batch != null) {
        batch.close();
        batch = null;
      }
    }
  }
}
