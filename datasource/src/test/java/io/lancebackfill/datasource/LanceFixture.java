package io.lancebackfill.datasource;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.FragmentOperation;
import org.lance.WriteParams;

/** Makes real Lance tables for tests, straight through lance-core. */
public final class LanceFixture {
  public static final ArrowType INT32 = new ArrowType.Int(32, true);
  public static final ArrowType INT64 = new ArrowType.Int(64, true);
  public static final ArrowType FLOAT =
      new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
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
    WriteParams params =
        new WriteParams.Builder()
            .withDataStorageVersion(storageVersion)
            .withEnableStableRowIds(stableRowIds)
            .build();
    Dataset.create(LanceAllocator.root(), ref.uri(), new Schema(List.of(fields)), params).close();
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
      WriteParams params =
          new WriteParams.Builder()
              .withDataStorageVersion(table.getLanceFileFormatVersion())
              .withMode(WriteParams.WriteMode.APPEND)
              .build();
      List<FragmentMetadata> written = Fragment.create(ref.uri(), allocator, root, params);
      Dataset.commit(
              allocator,
              ref.uri(),
              new FragmentOperation.Append(written),
              Optional.of(table.version()))
          .close();
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
