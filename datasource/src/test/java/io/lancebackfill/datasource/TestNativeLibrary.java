package io.lancebackfill.datasource;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lance.Dataset;

class TestNativeLibrary {
  @Test
  void opensWhatItCreates(@TempDir Path folder) throws Exception {
    String uri = folder.resolve("t.lance").toString();
    Schema schema = new Schema(List.of(Field.nullable("id", new ArrowType.Int(32, true))));
    try (RootAllocator allocator = new RootAllocator();
        Dataset created = Dataset.write().allocator(allocator).uri(uri).schema(schema).execute();
        org.lance.ipc.LanceScanner scanner = created.newScan()) {
      assertThat(created.version()).isEqualTo(1);
      assertThat(scanner.schema().getFields()).hasSize(1);
    }
  }
}
