package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.LanceAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.complex.StructVector;
import org.lance.BlobFile;
import org.lance.Dataset;

/**
 * Reads the bytes of blob columns, of which a scan gives descriptions only: a struct with the
 * place, version 1, or with kind and place, version 2. Lance itself finds the bytes, wherever a
 * version keeps them. Not thread-safe.
 */
final class BlobColumns {
  /** What the blobs of a batch have together at most, unless a single row has more. */
  static final long MOST_BYTES = 8L << 20;

  private static final String POSITION = "position";
  private static final String SIZE = "size";
  private static final String KIND = "kind";
  private static final String ADDRESS = "blob_uri";

  private final Dataset dataset;
  private final Set<String> names;

  /**
   * @param names of the blob columns that are read
   */
  BlobColumns(Dataset dataset, Set<String> names) {
    this.dataset = dataset;
    this.names = Set.copyOf(names);
  }

  /** How many rows from {@code first} on make one batch, 1 or more. */
  int fitting(List<FieldVector> described, int first, int rows, IntPredicate wanted) {
    long bytes = 0;
    for (int row = first; row < rows; row++) {
      if (wanted.test(row)) {
        for (FieldVector vector : described) {
          if (names.contains(vector.getName())) {
            bytes += size((StructVector) vector, row);
          }
        }
      }
      if (bytes > MOST_BYTES && row > first) {
        return row - first;
      }
    }
    return rows - first;
  }

  /**
   * Puts bytes in the place of descriptions.
   *
   * @param vectors of the rows from {@code first} on; the bytes' vectors take the descriptions'
   *     place in this list, which owns them, and the descriptions are closed
   * @param rowIds of all rows of the batch
   * @param wanted of all rows of the batch; the others have NULL
   */
  void read(
      List<FieldVector> vectors, UInt8Vector rowIds, int first, int count, IntPredicate wanted)
      throws Exception {
    for (int i = 0; i < vectors.size(); i++) {
      FieldVector vector = vectors.get(i);
      if (names.contains(vector.getName())) {
        vectors.set(i, bytes((StructVector) vector, rowIds, first, count, wanted));
        vector.close();
      }
    }
  }

  private LargeVarBinaryVector bytes(
      StructVector described, UInt8Vector rowIds, int first, int count, IntPredicate wanted)
      throws Exception {
    LargeVarBinaryVector bytes =
        new LargeVarBinaryVector(described.getName(), LanceAllocator.root());
    try {
      bytes.allocateNew(count);
      List<Integer> rows = new ArrayList<>();
      List<Long> ids = new ArrayList<>();
      for (int row = 0; row < count; row++) {
        if (!wanted.test(first + row) || isNull(described, row)) {
          bytes.setNull(row);
        } else if (size(described, row) == 0 && isInFile(described, row)) {
          bytes.setSafe(row, new byte[0]);
        } else {
          rows.add(row);
          ids.add(rowIds.get(first + row));
        }
      }
      // In the order of the rows: Lance 4.0.0 wants ascending addresses.
      List<BlobFile> files = ids.isEmpty() ? List.of() : dataset.takeBlobs(ids, bytes.getName());
      fill(bytes, rows, files);
      bytes.setValueCount(count);
      return bytes;
    } catch (Exception e) {
      bytes.close();
      throw e;
    }
  }

  private static void fill(LargeVarBinaryVector bytes, List<Integer> rows, List<BlobFile> files)
      throws Exception {
    try {
      if (files.size() != rows.size()) {
        throw new IllegalStateException(
            "Lance gave %d blobs for %d rows of column '%s'"
                .formatted(files.size(), rows.size(), bytes.getName()));
      }
      for (int i = 0; i < files.size(); i++) {
        bytes.setSafe(rows.get(i), files.get(i).read());
      }
    } finally {
      for (BlobFile file : files) {
        file.close();
      }
    }
  }

  private static boolean isNull(StructVector described, int row) {
    if (described.isNull(row) || described.getChild(POSITION).isNull(row)) {
      return true;
    }
    // Version 2.0 has no null structs: it gives NULL a place of its own, without bytes.
    return described.getChild(KIND) == null
        && number(described, POSITION, row) == 1
        && number(described, SIZE, row) == 0;
  }

  /** An external blob may be described by its address alone, its size being that of the object. */
  private static boolean isInFile(StructVector described, int row) {
    ValueVector address = described.getChild(ADDRESS);
    return address == null
        || address.isNull(row)
        || String.valueOf(address.getObject(row)).isEmpty();
  }

  private static long size(StructVector described, int row) {
    return described.isNull(row) ? 0 : number(described, SIZE, row);
  }

  private static long number(StructVector described, String name, int row) {
    UInt8Vector vector = described.getChild(name, UInt8Vector.class);
    return vector.isNull(row) ? 0 : vector.get(row);
  }
}
