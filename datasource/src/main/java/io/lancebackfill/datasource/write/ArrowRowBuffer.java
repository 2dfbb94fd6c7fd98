package io.lancebackfill.datasource.write;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.LanceArrowUtils;
import org.lance.spark.arrow.LanceArrowWriter;

/**
 * Gathers Spark rows {@code (row address, value...)} into Arrow vectors of the values. Not
 * thread-safe.
 */
public final class ArrowRowBuffer implements AutoCloseable {
  private static final Field ADDRESS =
      Field.notNullable("_rowaddr", new ArrowType.Int(64, true));

  private final List<Field> fields;
  private final StructType type;
  private final BufferAllocator allocator;
  private VectorSchemaRoot root;
  private LanceArrowWriter writer;

  /**
   * @param values Arrow fields of the rows' values, the address not among them
   */
  public ArrowRowBuffer(List<Field> values, BufferAllocator allocator) {
    this.fields = new ArrayList<>();
    this.fields.add(ADDRESS);
    this.fields.addAll(values);
    this.type =
        LanceArrowUtils.fromArrowSchema(new org.apache.arrow.vector.types.pojo.Schema(fields));
    this.allocator = allocator;
    this.root = VectorSchemaRoot.create(new org.apache.arrow.vector.types.pojo.Schema(fields), allocator);
    this.writer = LanceArrowWriter.create(root, type);
  }

  public void write(InternalRow row) {
    writer.write(row);
  }

  /** The values of the rows written since the last call; the caller closes them. */
  public List<FieldVector> take() {
    writer.finish();
    List<FieldVector> vectors = new ArrayList<>(root.getFieldVectors());
    ((BigIntVector) vectors.remove(0)).close();
    vectors.replaceAll(this::withRoomForNulls);
    root = VectorSchemaRoot.create(root.getSchema(), allocator);
    writer = LanceArrowWriter.create(root, type);
    return vectors;
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
