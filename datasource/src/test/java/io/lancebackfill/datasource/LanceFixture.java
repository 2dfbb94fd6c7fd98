package io.lancebackfill.datasource;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.Transaction;
import org.lance.WriteParams;
import org.lance.operation.Append;

/** Makes real Lance tables for tests, straight through lance-core. */
public final class LanceFixture {
  public static final ArrowType INT32 = new ArrowType.Int(32, true);
  public static final ArrowType INT64 = new ArrowType.Int(64, true);
  public static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
  public static final ArrowType UTF8 = ArrowType.Utf8.INSTANCE;

  private LanceFixture() {}

  /** Fills row {@code offset} of fragment {@code fragment}. */
  public interface RowFiller {
    void fill(VectorSchemaRoot root, int fragment, int offset);
  }

  public static Field field(String name, ArrowType type, Field... children) {
    return new Field(name, FieldType.nullable(type), List.of(children));
  }

  public static Field field(String name, ArrowType type, Map<String, String> metadata) {
    return new Field(name, new FieldType(true, type, null, metadata), null);
  }

  /** Creates an empty table. */
  public static DatasetRef create(Path folder, String storageVersion, Field... fields) {
    return create(folder, storageVersion, false, fields);
  }

  public static DatasetRef create(
      Path folder, String storageVersion, boolean stableRowIds, Field... fields) {
    DatasetRef ref = DatasetRef.of(folder.toString());
    Dataset.write()
        .allocator(LanceAllocator.root())
        .uri(ref.uri())
        .schema(new Schema(List.of(fields)))
        .mode(WriteParams.WriteMode.CREATE)
        .dataStorageVersion(storageVersion)
        .enableStableRowIds(stableRowIds)
        .execute()
        .close();
    return ref;
  }

  /** Appends one fragment with so many rows. */
  public static void append(DatasetRef ref, int rows, RowFiller filler) {
    try (Dataset table = open(ref);
        BufferAllocator allocator = LanceAllocator.child("fixture");
        VectorSchemaRoot root = VectorSchemaRoot.create(table.getSchema(), allocator)) {
      int fragment = table.getFragments().size();
      root.allocateNew();
      for (int i = 0; i < rows; i++) {
        filler.fill(root, fragment, i);
      }
      root.setRowCount(rows);
      List<FragmentMetadata> written =
          Fragment.write()
              .datasetUri(ref.uri())
              .allocator(allocator)
              .data(root)
              .mode(WriteParams.WriteMode.APPEND)
              .dataStorageVersion(table.getLanceFileFormatVersion())
              .execute();
      try (Transaction append =
          new Transaction.Builder()
              .readVersion(table.version())
              .operation(Append.builder().fragments(written).build())
              .build()) {
        new CommitBuilder(table).execute(append).close();
      }
    }
  }

  /** The newest version, to be closed by the caller. */
  public static Dataset open(DatasetRef ref) {
    return Dataset.open().allocator(LanceAllocator.root()).uri(ref.uri()).build();
  }

  /** Deletes the rows that a filter in Lance's SQL keeps. */
  public static void delete(DatasetRef ref, String filter) {
    try (Dataset table = open(ref)) {
      table.delete(filter);
    }
  }
}
