package io.lancebackfill.benchmarks;

import io.lancebackfill.datasource.table.LanceAllocator;
import java.io.IOException;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.compare.Range;
import org.apache.arrow.vector.compare.RangeEqualsVisitor;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;

/** Counts the rows in which the filled column of two copies of a table differs, to the bit. */
final class ColumnComparison {
  private static final int BATCH_ROWS = 4096;

  private ColumnComparison() {}

  /**
   * @throws IllegalStateException if the columns' types differ, or their numbers of rows
   */
  static long differences(TableCopy left, TableCopy right) throws Exception {
    try (BufferAllocator allocator = LanceAllocator.child("comparison");
        Side a = new Side(left, allocator);
        Side b = new Side(right, allocator)) {
      long differences = 0;
      while (true) {
        boolean more = a.ready();
        more = b.ready() && more;
        if (!more) {
          break;
        }
        int rows = Math.min(a.left(), b.left());
        differences += differences(a, b, rows);
        a.position += rows;
        b.position += rows;
      }
      if (a.ready() || b.ready()) {
        throw new IllegalStateException(
            "%s and %s have different numbers of rows".formatted(left.name(), right.name()));
      }
      return differences;
    }
  }

  private static long differences(Side a, Side b, int rows) throws IOException {
    ValueVector left = a.vector();
    ValueVector right = b.vector();
    if (!left.getField().getType().equals(right.getField().getType())) {
      throw new IllegalStateException(
          "The column is a %s in one table and a %s in the other"
              .formatted(left.getField(), right.getField()));
    }
    // Names and nullability of children may differ.
    RangeEqualsVisitor visitor = new RangeEqualsVisitor(left, right, (l, r) -> true);
    if (visitor.rangeEquals(new Range(a.position, b.position, rows))) {
      return 0;
    }
    long differences = 0;
    for (int i = 0; i < rows; i++) {
      if (!visitor.rangeEquals(new Range(a.position + i, b.position + i, 1))) {
        differences++;
      }
    }
    return differences;
  }

  /** Where the reading of one table stands. */
  private static final class Side implements AutoCloseable {
    private final Dataset dataset;
    private final LanceScanner scanner;
    private final ArrowReader reader;
    private int position;
    private boolean ended;

    Side(TableCopy table, BufferAllocator allocator) {
      this.dataset = Dataset.open().allocator(allocator).uri(table.uri()).build();
      this.scanner =
          dataset.newScan(
              new ScanOptions.Builder()
                  .columns(List.of(TableCopy.COLUMN))
                  .batchSize(BATCH_ROWS)
                  .build());
      this.reader = scanner.scanBatches();
    }

    boolean ready() throws IOException {
      while (!ended && left() == 0) {
        position = 0;
        ended = !reader.loadNextBatch();
      }
      return !ended;
    }

    int left() throws IOException {
      return reader.getVectorSchemaRoot().getRowCount() - position;
    }

    ValueVector vector() throws IOException {
      return reader.getVectorSchemaRoot().getVector(0);
    }

    @Override
    public void close() throws Exception {
      reader.close();
      scanner.close();
      dataset.close();
    }
  }
}
