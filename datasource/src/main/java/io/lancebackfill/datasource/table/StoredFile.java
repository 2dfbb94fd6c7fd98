package io.lancebackfill.datasource.table;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.BasePath;
import org.lance.BlobFile;
import org.lance.Dataset;
import org.lance.WriteParams.WriteMode;

/**
 * Reads any one file of a table, from whatever store Lance can read. Lance's Java has no call for
 * that; but a blob may lie in a file elsewhere, so the file is read as the blob of a dataset of one
 * row that is made for it in memory. The table's store is only read.
 */
final class StoredFile {
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              new Field(
                  "file",
                  new FieldType(
                      true,
                      ArrowType.Struct.INSTANCE,
                      null,
                      Map.of("ARROW:extension:name", "lance.blob.v2")),
                  List.of(
                      Field.nullable("data", ArrowType.LargeBinary.INSTANCE),
                      Field.nullable("uri", ArrowType.Utf8.INSTANCE)))));

  private StoredFile() {}

  /**
   * All bytes of {@code <table>/<folder>/<name>}.
   *
   * @throws DatasetException as classified
   */
  static ByteBuffer read(DatasetRef table, String folder, String name) {
    String base = table.uri().replaceAll("/+$", "") + "/" + folder;
    try (BufferAllocator allocator = LanceAllocator.child("stored-file");
        ArrowStreamReader row =
            new ArrowStreamReader(
                new ByteArrayInputStream(row(allocator, base + "/" + name)), allocator);
        // Lance refuses blobs that lie anywhere else than in a base that the dataset names.
        Dataset dataset =
            Dataset.write()
                .allocator(allocator)
                .reader(row)
                .uri("memory://" + UUID.randomUUID())
                .mode(WriteMode.CREATE)
                .dataStorageVersion("2.2")
                .storageOptions(table.storageOptions())
                .initialBases(
                    List.of(
                        new BasePath(1, Optional.of("table"), base, /* isDatasetRoot= */ false)))
                .execute();
        BlobFile file = dataset.takeBlobsByIndices(List.of(0L), "file").get(0)) {
      return ByteBuffer.wrap(file.read());
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read " + folder + "/" + name + " of", table, e);
    }
  }

  private static byte[] row(BufferAllocator allocator, String uri) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, bytes)) {
      StructVector blob = (StructVector) root.getVector(0);
      blob.allocateNew();
      blob.setIndexDefined(0);
      ((VarCharVector) blob.getChild("uri")).setSafe(0, uri.getBytes(StandardCharsets.UTF_8));
      root.setRowCount(1);
      writer.writeBatch();
    }
    return bytes.toByteArray();
  }
}
