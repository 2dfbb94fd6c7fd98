package io.lancebackfill.udf.example;

import io.lancebackfill.udf.ColumnUdf;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * The share of each letter a to z among the ASCII letters of a text, whatever their case: a vector
 * of 26 floats, all 0 for a text without letters, NULL for NULL. Reads the texts in place.
 */
public final class LetterFrequencies implements ColumnUdf {
  private static final int LETTERS = 26;
  private static final Field OUTPUT =
      new Field(
          "letters",
          FieldType.nullable(new ArrowType.FixedSizeList(LETTERS)),
          List.of(
              Field.nullable("item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE))));

  @Override
  public Field output(List<Field> inputs) {
    if (inputs.size() != 1 || !(inputs.get(0).getType() instanceof ArrowType.Utf8)) {
      throw new IllegalArgumentException(
          "takes one column of strings, not " + inputs.stream().map(Field::getType).toList());
    }
    return OUTPUT;
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    VarCharVector texts = (VarCharVector) inputs.get(0);
    FixedSizeListVector frequencies = (FixedSizeListVector) OUTPUT.createVector(allocator);
    frequencies.setInitialCapacity(rows);
    frequencies.allocateNew();
    Float4Vector shares = (Float4Vector) frequencies.getDataVector();
    shares.allocateNew(rows * LETTERS);
    ArrowBuf bytes = texts.getDataBuffer();
    int[] counts = new int[LETTERS];
    for (int row = 0; row < rows; row++) {
      int first = row * LETTERS;
      if (texts.isNull(row)) {
        for (int letter = 0; letter < LETTERS; letter++) {
          shares.setNull(first + letter);
        }
        continue;
      }
      int letters = count(bytes, texts.getStartOffset(row), texts.getEndOffset(row), counts);
      for (int letter = 0; letter < LETTERS; letter++) {
        shares.set(first + letter, letters == 0 ? 0 : (float) counts[letter] / letters);
        counts[letter] = 0;
      }
      frequencies.setNotNull(row);
    }
    shares.setValueCount(rows * LETTERS);
    frequencies.setValueCount(rows);
    return frequencies;
  }

  private static int count(ArrowBuf bytes, long start, long end, int[] counts) {
    int letters = 0;
    for (long at = start; at < end; at++) {
      int letter = (bytes.getByte(at) | 0x20) - 'a';
      if (letter >= 0 && letter < LETTERS) {
        counts[letter]++;
        letters++;
      }
    }
    return letters;
  }
}
