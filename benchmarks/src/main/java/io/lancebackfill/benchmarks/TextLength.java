package io.lancebackfill.benchmarks;

import io.lancebackfill.udf.ColumnUdf;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** {@code length(text)}: code points of a text. */
public final class TextLength implements ColumnUdf {
  private static final Field OUTPUT = Field.nullable("length", new ArrowType.Int(32, true));

  @Override
  public Field output(List<Field> inputs) {
    return OUTPUT;
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    VarCharVector texts = (VarCharVector) inputs.get(0);
    IntVector lengths = new IntVector(OUTPUT, allocator);
    lengths.allocateNew(rows);
    ArrowBuf bytes = texts.getDataBuffer();
    for (int row = 0; row < rows; row++) {
      if (!texts.isNull(row)) {
        lengths.set(row, codePoints(bytes, texts.getStartOffset(row), texts.getEndOffset(row)));
      }
    }
    lengths.setValueCount(rows);
    return lengths;
  }

  private static int codePoints(ArrowBuf bytes, int start, int end) {
    int count = 0;
    for (int at = start; at < end; at++) {
      if ((bytes.getByte(at) & 0xC0) != 0x80) {
        count++;
      }
    }
    return count;
  }
}
