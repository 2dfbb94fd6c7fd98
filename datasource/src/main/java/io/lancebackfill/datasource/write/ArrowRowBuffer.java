package io.lancebackfill.datasource.write;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.LanceArrowUtils;
import org.jspecify.annotations.Nullable;
import org.lance.spark.arrow.LanceArrowWriter;

/**
 * Gathers Spark rows {@code (row address, value...)} into Arrow vectors of the values. Not
 * thread-safe.
 */
public final class ArrowRowBuffer implements AutoCloseable {
  /** Room of the first batch at least, if that many rows are to come. */
  private static final int LEAST_ROWS = 64;

  /** Room of the first batch at most, but for {@link #LEAST_ROWS}. */
  private static final long MOST_BYTES = 8L << 20;

  /** Taken for a row of what has no fixed width. */
  private static final int SOME_BYTES = 64;

  private final Schema schema;
  private final StructType type;
  private final BufferAllocator allocator;
  private final List<@Nullable NumberArrays> vectors = new ArrayList<>();
  private VectorSchemaRoot root;
  private @Nullable LanceArrowWriter writer;
  private int room;
  private int rows;

  /**
   * @param values Arrow fields of the rows' values, the address not among them
   * @param batchRows rows that the first batch is likely to have: room is made for them at once,
   *     which saves copying what a buffer holds each time that it grows
   */
  public ArrowRowBuffer(List<Field> values, BufferAllocator allocator, int batchRows) {
    this.schema = new Schema(values);
    this.type = LanceArrowUtils.fromArrowSchema(schema);
    this.allocator = allocator;
    this.root = VectorSchemaRoot.create(schema, allocator);
    long bytes = values.stream().mapToLong(ArrowRowBuffer::bytesOfRow).sum();
    this.room = (int) Math.max(1, Math.min(batchRows, Math.max(LEAST_ROWS, MOST_BYTES / bytes)));
  }

  private static long bytesOfRow(Field field) {
    return field.getType() instanceof ArrowType.FixedSizeList vectors
        ? Math.max(SOME_BYTES, (long) vectors.getListSize() * Long.BYTES)
        : SOME_BYTES;
  }

  /**
   * Only once there is a row: after the last batch of a fragment no memory is taken for another.
   */
  private LanceArrowWriter started() {
    LanceArrowWriter present = writer;
    if (present != null) {
      return present;
    }
    rows = 0;
    root.getFieldVectors().forEach(vector -> vector.setInitialCapacity(room));
    LanceArrowWriter started = LanceArrowWriter.create(root, type);
    vectors.clear();
    root.getFieldVectors().forEach(vector -> vectors.add(NumberArrays.of(vector)));
    writer = started;
    return started;
  }

  public void write(InternalRow row) {
    LanceArrowWriter present = started();
    for (int i = 0; i < vectors.size(); i++) {
      NumberArrays vector = vectors.get(i);
      if (vector == null) {
        present.field(i).write(row, i + 1);
      } else {
        vector.write(rows, row, i + 1);
      }
    }
    rows++;
  }

  /** The values of the rows written since the last call; the caller closes them. */
  public List<FieldVector> take() {
    LanceArrowWriter present = started();
    for (int i = 0; i < vectors.size(); i++) {
      if (vectors.get(i) == null) {
        present.field(i).finish();
      }
    }
    root.setRowCount(rows);
    List<FieldVector> taken = new ArrayList<>(root.getFieldVectors());
    for (int i = 0; i < taken.size(); i++) {
      if (vectors.get(i) == null) {
        taken.set(i, withRoomForNulls(taken.get(i)));
      }
    }
    root = VectorSchemaRoot.create(schema, allocator);
    writer = null;
    room = Math.max(1, rows); // The next batch is likely to be as long.
    return taken;
  }

  /**
   * lance-spark's writer leaves no room for a NULL among the elements of a fixed-size list, so that
   * the rows behind it would read each other's elements.
   */
  private FieldVector withRoomForNulls(FieldVector vector) {
    if (!(vector instanceof FixedSizeListVector packed) || packed.getNullCount() == 0) {
      return vector;
    }
    FixedSizeListVector spread = (FixedSizeListVector) packed.getField().createVector(allocator);
    try {
      int rows = packed.getValueCount();
      int size = packed.getListSize();
      spread.setInitialCapacity(rows);
      spread.allocateNew();
      int from = 0;
      for (int row = 0; row < rows; row++) {
        if (!packed.isNull(row)) {
          spread.setNotNull(row);
          for (int i = 0; i < size; i++) {
            spread.getDataVector().copyFromSafe(from++, row * size + i, packed.getDataVector());
          }
        }
      }
      spread.setValueCount(rows);
      packed.close();
      return spread;
    } catch (RuntimeException e) {
      spread.close();
      throw e;
    }
  }

  @Override
  public void close() {
    root.close();
  }
}
