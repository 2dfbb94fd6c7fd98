package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.store.LocalPaths;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.lance.file.LanceFileReader;

/** What tells a column file from the files of other writers: metadata of its fields. */
final class ColumnFileMark {
  private static final String KEY = "lance-backfill.column-file";

  /** Every Lance file ends with it. */
  private static final byte[] MAGIC = "LANC".getBytes(StandardCharsets.US_ASCII);

  private ColumnFileMark() {}

  /** The field of a column file with the mark on it. */
  static Field on(Field field) {
    Map<String, String> metadata = new HashMap<>(field.getMetadata());
    metadata.put(KEY, "1");
    FieldType type =
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata);
    return new Field(field.getName(), type, field.getChildren());
  }

  /**
   * Whether a file on a local file system is a whole column file with the mark.
   *
   * @throws DatasetException if it cannot be told
   */
  static boolean isOn(DatasetRef table, String path) {
    DatasetRef file = table.child("data").child(path);
    try {
      // Reading an empty file would end the whole process.
      if (!isWhole(LocalPaths.folder(file).orElseThrow())) {
        return false;
      }
      try (LanceFileReader reader =
          LanceFileReader.open(file.uri(), new HashMap<>(), LanceAllocator.root())) {
        List<Field> fields = reader.schema().getFields();
        return !fields.isEmpty() && fields.stream().allMatch(f -> f.getMetadata().containsKey(KEY));
      }
    } catch (NoSuchFileException e) {
      return false;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("look at a data file of", table, e);
    }
  }

  private static boolean isWhole(Path path) throws IOException {
    try (SeekableByteChannel file = Files.newByteChannel(path)) {
      ByteBuffer end = ByteBuffer.allocate(MAGIC.length);
      file.position(Math.max(0, file.size() - MAGIC.length));
      while (end.hasRemaining() && file.read(end) >= 0) {
        // A channel may give less than is asked for.
      }
      return Arrays.equals(end.array(), MAGIC);
    }
  }
}
