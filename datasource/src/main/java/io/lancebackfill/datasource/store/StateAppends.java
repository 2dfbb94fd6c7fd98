package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;

/**
 * Appends rows to a {@link StateTable}, in one commit each, whatever build made the dataset: what
 * it lacks of our columns is added, what we do not know of its columns is null.
 */
final class StateAppends {
  /** Room below the version that an append saw, to tell apart appends that saw the same one. */
  private static final int ORDER_TIE_BITS = 20;

  private final DatasetRef ref;
  private final List<Column> columns;
  private final Schema schema;

  /**
   * @param schema of the columns, and of {@link StateScan#ORDER} before them
   */
  StateAppends(DatasetRef ref, List<Column> columns, Schema schema) {
    this.ref = ref;
    this.columns = columns;
    this.schema = schema;
  }

  /** As {@link StateTable#prepare} has it. */
  void prepare() {
    Retry.commit(
        "create",
        ref,
        () -> {
          openForAppend().close();
          return true;
        });
  }

  /** As {@link StateTable#append} has it. */
  void append(List<? extends List<? extends @Nullable Object>> rows) {
    try (VectorSchemaRoot root = VectorSchemaRoot.create(schema, LanceAllocator.root())) {
      fill(root, rows);
      Retry.commit(
          "append to",
          ref,
          () -> {
            try (Dataset dataset = openForAppend()) {
              setOrder(root, dataset.version());
              appendWithUnknownColumns(dataset, root);
            }
            return true;
          });
    }
  }

  private void fill(VectorSchemaRoot root, List<? extends List<? extends @Nullable Object>> rows) {
    for (int row = 0; row < rows.size(); row++) {
      List<? extends @Nullable Object> values = rows.get(row);
      if (values.size() != columns.size()) {
        throw new IllegalArgumentException(
            "Row "
                + row
                + " for "
                + ref.display()
                + " has "
                + values.size()
                + " values, the table "
                + columns.size()
                + " columns");
      }
      for (int i = 0; i < columns.size(); i++) {
        Object value = values.get(i);
        try {
          StateValues.set(root.getVector(columns.get(i).name()), columns.get(i).type(), row, value);
        } catch (ClassCastException e) {
          throw new IllegalArgumentException(
              "Column "
                  + columns.get(i).name()
                  + " of "
                  + ref.display()
                  + " is a "
                  + columns.get(i).type()
                  + "; row "
                  + row
                  + " has a value of another type",
              e);
        }
      }
    }
    root.setRowCount(rows.size());
  }

  /** Later appends saw a higher version than earlier ones; those that saw the same one, overlap. */
  private static void setOrder(VectorSchemaRoot root, long version) {
    long tie = ThreadLocalRandom.current().nextLong(1L << ORDER_TIE_BITS);
    long order = (version << ORDER_TIE_BITS) + tie;
    BigIntVector vector = (BigIntVector) root.getVector(StateScan.ORDER);
    for (int row = 0; row < root.getRowCount(); row++) {
      vector.setSafe(row, order);
    }
    root.setRowCount(root.getRowCount());
  }

  /** Lance wants every column in an append; those of a newer build are null in our rows. */
  private void appendWithUnknownColumns(Dataset dataset, VectorSchemaRoot root) {
    List<FieldVector> vectors = new ArrayList<>(root.getFieldVectors());
    Set<String> known = new HashSet<>();
    schema.getFields().forEach(field -> known.add(field.getName()));
    List<FieldVector> unknown = new ArrayList<>();
    try {
      for (Field field : dataset.getSchema().getFields()) {
        if (!known.contains(field.getName())) {
          FieldVector nulls = field.createVector(LanceAllocator.root());
          unknown.add(nulls);
          nulls.setInitialCapacity(root.getRowCount());
          nulls.allocateNew();
          nulls.setValueCount(root.getRowCount());
          vectors.add(nulls);
        }
      }
      // Owns no memory of its own: the vectors are closed by those that made them.
      VectorSchemaRoot all = new VectorSchemaRoot(vectors);
      all.setRowCount(root.getRowCount());
      StateDatasets.append(ref, dataset, all).dataset().close();
    } finally {
      unknown.forEach(FieldVector::close);
    }
  }

  private Dataset openForAppend() {
    Optional<Dataset> present = StateDatasets.openIfPresent(ref);
    if (present.isEmpty()) {
      present = StateDatasets.openOrCreate(ref, schema);
    }
    Dataset dataset =
        present.orElseThrow(
            () ->
                new DatasetException(
                    Kind.COMMIT_CONTENTION,
                    ref,
                    ref.display() + " was deleted while rows were appended to it; try again.",
                    null));
    try {
      addMissingColumns(dataset);
      return dataset;
    } catch (Throwable e) {
      dataset.close();
      throw e;
    }
  }

  private void addMissingColumns(Dataset dataset) {
    Set<String> present = StateScan.names(dataset);
    List<Field> missing =
        schema.getFields().stream().filter(f -> !present.contains(f.getName())).toList();
    if (missing.isEmpty()) {
      return;
    }
    try {
      dataset.addColumns(missing);
    } catch (Exception e) {
      DatasetException failure = LanceErrorClassifier.classify("add columns to", ref, e);
      // Another process of this build has perhaps added them: look again, but not for ever.
      throw failure.kind() == Kind.INVALID_INPUT
          ? new DatasetException(
              Kind.COMMIT_CONTENTION, ref, String.valueOf(failure.getMessage()), e)
          : failure;
    }
  }
}
