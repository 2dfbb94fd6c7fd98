package io.lancebackfill.datasource.store;

import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;

/** Makes offsets of a checkpoint's first column, batch after batch. */
final class OffsetDecoder {
  private int last;

  /**
   * @param last offset of the row before the first one that is decoded; -1 if there is none
   */
  OffsetDecoder(int last) {
    this.last = last;
  }

  /** The physical offsets of the next rows. */
  int[] decode(FieldVector column, int rows) {
    int[] offsets = new int[rows];
    if (column instanceof BigIntVector absolute) {
      for (int row = 0; row < rows; row++) {
        offsets[row] = Math.toIntExact(absolute.get(row));
      }
    } else {
      IntVector gaps = (IntVector) column;
      for (int row = 0; row < rows; row++) {
        last = Math.addExact(last, Math.addExact(gaps.get(row), 1));
        offsets[row] = last;
      }
    }
    return offsets;
  }
}
