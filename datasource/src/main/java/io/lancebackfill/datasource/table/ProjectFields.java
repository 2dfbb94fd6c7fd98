package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.operation.SchemaOperation;

/**
 * Lance's Project, also for schemas with dictionaries: its own exports none. Of a field with a
 * {@linkplain FieldIdentity#withDictionaries dictionary} goes down what Arrow's C interface wants.
 */
public final class ProjectFields extends SchemaOperation {
  private @Nullable ArrowSchema exported;

  /**
   * @param schema all fields that stay, {@linkplain FieldIdentity#withIds with their ids}
   */
  public ProjectFields(Schema schema) {
    super(schema);
  }

  @Override
  public String name() {
    return "Project";
  }

  /** Called by Lance's native code. */
  @Override
  public long exportSchema(BufferAllocator allocator) {
    if (exported == null) {
      MapDictionaryProvider dictionaries = new MapDictionaryProvider();
      List<Field> fields =
          schema().getFields().stream()
              .map(field -> encoded(field, dictionaries, allocator))
              .toList();
      ArrowSchema out = ArrowSchema.allocateNew(allocator);
      exported = out;
      Data.exportSchema(
          allocator, new Schema(fields, schema().getCustomMetadata()), dictionaries, out);
    }
    return exported.memoryAddress();
  }

  private static Field encoded(
      Field field, MapDictionaryProvider dictionaries, BufferAllocator allocator) {
    DictionaryEncoding encoding = field.getDictionary();
    if (encoding != null) {
      // Without values: it holds no memory.
      FieldVector values =
          new Field("values", FieldType.nullable(field.getType()), null).createVector(allocator);
      dictionaries.put(new Dictionary(values, encoding));
    }
    List<Field> children = new ArrayList<>();
    field.getChildren().forEach(child -> children.add(encoded(child, dictionaries, allocator)));
    return new Field(
        field.getName(),
        new FieldType(
            field.isNullable(),
            encoding == null ? field.getType() : encoding.getIndexType(),
            encoding,
            field.getMetadata()),
        children);
  }

  @Override
  public void release() {
    if (exported != null) {
      exported.close();
    }
  }
}
