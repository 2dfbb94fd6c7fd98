package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.arrow.EmptyOffsets;
import io.lancebackfill.datasource.arrow.LanceEncoding;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.Dataset;

/**
 * Finished rows of a range of a fragment, kept until they are in the table: the physical offset of
 * each row and its values. One writer appends, in ascending order of the offsets; anybody may read
 * what was appended so far.
 *
 * <p>An append is in the dataset whole or not at all, and it is there once {@link #append} returns,
 * whatever becomes of the process then.
 */
public final class CheckpointDataset implements CheckpointSink {
  /**
   * Name of the first column, INT32: how many offsets lie between the row's and that of the row
   * before it, or the fragment's beginning. Rows in a run have zeros here, which take no room,
   * where offsets themselves take up to two thirds of an integer column.
   */
  static final String GAP = "_gap";

  /** The first column of older checkpoints, INT64: the row's physical offset in its fragment. */
  static final String OFFSET = "_offset";

  /** Keeps the caller's properties apart from Lance's own schema metadata. */
  private static final String PROPERTY_PREFIX = "lance-backfill.property.";

  /** For columns that later formats cannot hold: tables with such a column have it too. */
  private static final String SAFE_STORAGE_VERSION = "2.0";

  private final DatasetRef ref;
  private final Schema schema;
  private final String storageVersion;
  private Dataset dataset;
  private int lastOffset = -1;
  private long bytes;

  private CheckpointDataset(DatasetRef ref, Schema schema, String storageVersion, Dataset dataset) {
    this.ref = ref;
    this.schema = schema;
    this.storageVersion = storageVersion;
    this.dataset = dataset;
  }

  /**
   * Creates an empty dataset.
   *
   * @param ref where; its name must be new (put something unique into it)
   * @param valueFields the columns of the values; nullable, whatever the fields say
   * @param properties kept with the dataset; {@link CheckpointContents#properties()} gives them
   *     back
   * @throws DatasetException INVALID_INPUT if there is a dataset already
   */
  public static CheckpointDataset create(
      DatasetRef ref, List<Field> valueFields, Map<String, String> properties) {
    Map<String, String> metadata = new HashMap<>();
    properties.forEach((key, value) -> metadata.put(PROPERTY_PREFIX + key, value));
    List<Field> fields = new ArrayList<>();
    fields.add(Field.notNullable(GAP, new ArrowType.Int(32, true)));
    boolean unsafe =
        valueFields.stream()
            .anyMatch(field -> LanceEncoding.isUnsafe(field, StateDatasets.STORAGE_VERSION));
    String storageVersion = unsafe ? SAFE_STORAGE_VERSION : StateDatasets.STORAGE_VERSION;
    valueFields.forEach(field -> fields.add(nullable(field, storageVersion)));
    Schema schema = new Schema(fields, metadata);
    String creation = UUID.randomUUID().toString();
    boolean created =
        Retry.outage(
            "create",
            ref,
            () -> StateDatasets.createIfAbsent(ref, schema, storageVersion, creation));
    if (!created) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          ref,
          "Cannot create the checkpoint "
              + ref.display()
              + ": it exists. A checkpoint has one writer;"
              + " give each a name of its own.",
          null);
    }
    return new CheckpointDataset(
        ref, schema, storageVersion, Retry.outage("open", ref, () -> DatasetOpener.latest(ref)));
  }

  private static Field nullable(Field field, String storageVersion) {
    // Without the table's metadata: what it says of the column does not hold for a checkpoint.
    Field forFile = LanceEncoding.forFile(field, storageVersion);
    FieldType type =
        new FieldType(true, field.getType(), field.getDictionary(), forFile.getMetadata());
    return new Field(field.getName(), type, forFile.getChildren());
  }

  /** Where the dataset is. */
  public DatasetRef ref() {
    return ref;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void append(int[] offsets, VectorSchemaRoot values) {
    requireColumns(offsets, values);
    if (offsets.length == 0) {
      return;
    }
    values.getFieldVectors().forEach(EmptyOffsets::repair);
    try (IntVector gaps = gaps(offsets)) {
      List<FieldVector> vectors = new ArrayList<>(values.getFieldVectors());
      vectors.add(0, gaps);
      // Not closed: the values are the caller's.
      VectorSchemaRoot rows = new VectorSchemaRoot(schema.getFields(), vectors, offsets.length);
      StateDatasets.Appended appended =
          Retry.commit(
              "append to", ref, () -> StateDatasets.append(ref, dataset, rows, storageVersion));
      dataset.close();
      dataset = appended.dataset();
      bytes += appended.bytes();
    }
    lastOffset = offsets[offsets.length - 1];
  }

  private void requireColumns(int[] offsets, VectorSchemaRoot values) {
    List<String> expected = schema.getFields().stream().skip(1).map(Field::getName).toList();
    List<String> found =
        values.getFieldVectors().stream().map(vector -> vector.getField().getName()).toList();
    if (!expected.equals(found)) {
      throw new IllegalArgumentException(
          "The checkpoint "
              + ref.display()
              + " has the columns "
              + expected
              + ", the batch "
              + found);
    }
    if (offsets.length != values.getRowCount()) {
      throw new IllegalArgumentException(
          "A batch for the checkpoint "
              + ref.display()
              + " has "
              + offsets.length
              + " offsets and "
              + values.getRowCount()
              + " rows");
    }
  }

  private IntVector gaps(int[] offsets) {
    IntVector gaps = new IntVector(schema.getFields().get(0), LanceAllocator.root());
    try {
      gaps.allocateNew(offsets.length);
      int last = lastOffset;
      for (int row = 0; row < offsets.length; row++) {
        if (offsets[row] <= last) {
          throw new IllegalArgumentException(
              "The offsets of the checkpoint "
                  + ref.display()
                  + " must ascend: "
                  + offsets[row]
                  + " after "
                  + last);
        }
        gaps.set(row, offsets[row] - last - 1);
        last = offsets[row];
      }
      gaps.setValueCount(offsets.length);
      return gaps;
    } catch (RuntimeException e) {
      gaps.close();
      throw e;
    }
  }

  @Override
  public void close() {
    dataset.close();
  }

  /**
   * Looks at a checkpoint as far as it was written by now.
   *
   * @throws DatasetException CORRUPT if there is a folder but no readable checkpoint in it,
   *     NOT_FOUND if there is nothing, INVALID_INPUT if a newer build wrote it
   */
  public static CheckpointContents read(DatasetRef ref) {
    return Retry.outage("read the checkpoint", ref, () -> readOnce(ref));
  }

  private static CheckpointContents readOnce(DatasetRef ref) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        if (LocalPaths.folder(ref).filter(Files::exists).isPresent()) {
          throw LocalPaths.corrupt(ref, "there is no version in the folder", null);
        }
        throw new DatasetException(
            Kind.NOT_FOUND, ref, "There is no checkpoint at " + ref.display() + ".", null);
      }
      return contents(ref, handle.dataset());
    }
  }

  private static CheckpointContents contents(DatasetRef ref, Dataset dataset) {
    LocalPaths.requireWholeFiles(ref, dataset);
    Schema schema;
    Map<String, String> metadata;
    long rows;
    try {
      schema = dataset.getSchema();
      metadata = dataset.getLanceSchema().metadata();
      rows = dataset.countRows();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
    List<Field> fields = schema.getFields();
    String first = fields.isEmpty() ? "" : fields.get(0).getName();
    if (!first.equals(GAP) && !first.equals(OFFSET)) {
      throw LocalPaths.corrupt(ref, "its first column is not " + GAP, null);
    }
    Map<String, String> properties = new HashMap<>();
    metadata.forEach(
        (key, value) -> {
          if (key.startsWith(PROPERTY_PREFIX)) {
            properties.put(key.substring(PROPERTY_PREFIX.length()), value);
          }
        });
    return new CheckpointContents(
        ref, dataset.version(), rows, first, fields.subList(1, fields.size()), properties);
  }
}
