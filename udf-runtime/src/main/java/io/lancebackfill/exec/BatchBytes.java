package io.lancebackfill.exec;

import java.util.List;
import org.apache.arrow.vector.FieldVector;

/** How many rows fit into a number of bytes. */
public final class BatchBytes {
  private BatchBytes() {}

  /**
   * The most leading rows whose buffers take at most {@code maxBytes}, at least 1.
   *
   * @param rows the rows of the vectors, at least 1
   */
  public static int fittingRows(List<FieldVector> vectors, int rows, long maxBytes) {
    if (maxBytes == Long.MAX_VALUE || bytes(vectors, rows) <= maxBytes) {
      return rows;
    }
    int fits = 1;
    int tooMany = rows;
    while (tooMany - fits > 1) {
      int middle = (fits + tooMany) >>> 1;
      if (bytes(vectors, middle) <= maxBytes) {
        fits = middle;
      } else {
        tooMany = middle;
      }
    }
    return fits;
  }

  private static long bytes(List<FieldVector> vectors, int rows) {
    long sum = 0;
    for (FieldVector vector : vectors) {
      sum += vector.getBufferSizeFor(rows);
    }
    return sum;
  }
}
