package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.compaction.CompactionOptions;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.lance.schema.LanceField;

/**
 * An append-only table of plain values in a Lance dataset of its own. Any number of processes may
 * append, read and compact at the same time; no row is lost.
 *
 * <p>Rows come back in the order of their appends. Appends that overlapped in time have no order
 * between them, but the one they get never changes. That order is kept in a column of its own,
 * {@code _order}, since a compaction that overlaps an append moves rows.
 *
 * <p>Columns may be added at the end of the declaration in later builds: rows written before read
 * null there, and columns that this build does not know are ignored.
 */
public final class StateTable {
  /** Types of columns, in Java String, Long, Integer, Double, Boolean, Instant and byte[]. */
  public enum Type {
    STRING,
    LONG,
    INT,
    DOUBLE,
    BOOLEAN,
    /** To the microsecond, UTC. */
    TIMESTAMP,
    BINARY
  }

  /** A column; every column may be null. */
  public record Column(String name, Type type) {}

  private static final String ORDER = "_order";

  /** Room below the version that an append saw, to tell apart appends that saw the same one. */
  private static final int ORDER_TIE_BITS = 20;

  /** Old versions stay this long, for readers and appends that are under way. */
  private static final Duration GRACE = Duration.ofMinutes(1);

  private static final int COMPACTED_FRAGMENT_ROWS = 1_000_000;

  /** How far back {@link #readNewest} looks first, and how much farther each time. */
  private static final long FIRST_SPAN = 16;

  private static final long SPAN_GROWTH = 8;

  private final DatasetRef ref;
  private final List<Column> columns;
  private final Schema schema;

  /**
   * Touches nothing: the dataset is created by the first append.
   *
   * @throws IllegalArgumentException if a column name is used twice or begins with an underscore
   */
  public StateTable(DatasetRef ref, List<Column> columns) {
    this.ref = ref;
    this.columns = List.copyOf(columns);
    Set<String> names = new HashSet<>();
    List<Field> fields = new ArrayList<>();
    // First, since Lance wants columns that were added later at the end.
    fields.add(Field.nullable(ORDER, StateValues.arrowType(Type.LONG)));
    for (Column column : this.columns) {
      if (column.name().startsWith("_") || !names.add(column.name())) {
        throw new IllegalArgumentException(
            "Column name "
                + column.name()
                + " of "
                + ref.display()
                + " is used twice or begins with an underscore");
      }
      fields.add(Field.nullable(column.name(), StateValues.arrowType(column.type())));
    }
    this.schema = new Schema(fields);
  }

  /** Where the table is. */
  public DatasetRef ref() {
    return ref;
  }

  /** True once something was appended, or is about to be. */
  public boolean exists() {
    return version() > 0;
  }

  /**
   * Appends all rows or none, in this order, in one commit. Creates the dataset if it is missing.
   *
   * @param rows each with one value per column, in the order of the columns
   * @throws IllegalArgumentException if a row has another number of values, or a value of another
   *     type, than the columns
   * @throws DatasetException as classified
   */
  public void append(List<? extends List<? extends @Nullable Object>> rows) {
    if (rows.isEmpty()) {
      return;
    }
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
    BigIntVector vector = (BigIntVector) root.getVector(ORDER);
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
      StateDatasets.createIfAbsent(ref, schema);
      present = StateDatasets.openIfPresent(ref);
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
    Set<String> present = names(dataset);
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

  private static Set<String> names(Dataset dataset) {
    Set<String> names = new HashSet<>();
    for (LanceField field : dataset.getLanceSchema().fields()) {
      names.add(field.getName());
    }
    return names;
  }

  /**
   * Rows in the order of their appends; none if the dataset does not exist.
   *
   * @param lanceFilter a condition in Lance's SQL, null for all rows
   * @param wanted columns to read, empty for all
   * @throws IllegalArgumentException if a wanted column is not one of the table's
   * @throws DatasetException CORRUPT if the dataset is damaged, INVALID_INPUT if the filter is
   *     wrong or a newer build wrote the dataset
   */
  public List<StateRow> read(@Nullable String lanceFilter, List<String> wanted) {
    List<Column> projection = projection(wanted);
    // A compaction elsewhere may take the version away that is being read: then the next one is.
    return Retry.read(ref, () -> readOnce(lanceFilter, projection));
  }

  private List<Column> projection(List<String> wanted) {
    if (wanted.isEmpty()) {
      return columns;
    }
    List<Column> projection = new ArrayList<>();
    for (String name : wanted) {
      projection.add(
          columns.stream()
              .filter(c -> c.name().equals(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          ref.display()
                              + " has no column "
                              + name
                              + "; it has "
                              + columns.stream().map(Column::name).toList())));
    }
    return projection;
  }

  private record OrderedRow(long order, StateRow row) {}

  /**
   * The newest of the rows that a condition selects, in the order of their appends: as many as are
   * needed, whatever the number of older ones.
   *
   * @param lanceFilter a condition in Lance's SQL
   * @param by a LONG column that grows with time, never null
   * @param enough whether the rows read so far will do; else more are read, at last all
   * @throws DatasetException as {@link #read} does
   */
  public List<StateRow> readNewest(
      String lanceFilter, String by, Predicate<? super List<StateRow>> enough) {
    return Retry.read(ref, () -> readNewestOnce(lanceFilter, by, OptionalLong.empty(), enough));
  }

  /**
   * The same where about the newest value is known, which saves a look at all rows.
   *
   * @param newest rows with greater values are read too
   */
  public List<StateRow> readNewest(
      String lanceFilter, String by, long newest, Predicate<? super List<StateRow>> enough) {
    return Retry.read(ref, () -> readNewestOnce(lanceFilter, by, OptionalLong.of(newest), enough));
  }

  private List<StateRow> readNewestOnce(
      String lanceFilter, String by, OptionalLong known, Predicate<? super List<StateRow>> enough) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        return List.of();
      }
      Dataset dataset = handle.dataset();
      LocalPaths.requireWholeFiles(ref, dataset);
      OptionalLong newest = known.isPresent() ? known : max(dataset, lanceFilter, by);
      if (newest.isEmpty()) {
        return List.of();
      }
      for (long span = FIRST_SPAN; ; span *= SPAN_GROWTH) {
        long from = newest.getAsLong() - span;
        boolean all = from <= 0;
        String filter = all ? lanceFilter : "(%s) AND %s > %d".formatted(lanceFilter, by, from);
        List<StateRow> rows = scan(dataset, filter, columns);
        if (all || enough.test(rows)) {
          return rows;
        }
      }
    }
  }

  private OptionalLong max(Dataset dataset, String lanceFilter, String column) {
    ScanOptions options =
        new ScanOptions.Builder().columns(List.of(column)).filter(lanceFilter).build();
    OptionalLong max = OptionalLong.empty();
    try (LanceScanner scanner = dataset.newScan(options);
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        BigIntVector values = (BigIntVector) batches.getVectorSchemaRoot().getVector(column);
        for (int row = 0; row < values.getValueCount(); row++) {
          max = OptionalLong.of(Math.max(values.get(row), max.orElse(Long.MIN_VALUE)));
        }
      }
      return max;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read", ref, e);
    }
  }

  /**
   * Deletes rows. Appends meanwhile are kept.
   *
   * @param lanceFilter a condition in Lance's SQL
   * @return how many
   */
  public long delete(String lanceFilter) {
    return Retry.commit(
        "delete rows from",
        ref,
        () -> {
          try (Handle handle = Handle.open(ref)) {
            long found = handle.present() ? handle.dataset().countRows(lanceFilter) : 0;
            if (found > 0) {
              handle.dataset().delete(lanceFilter);
            }
            return found;
          } catch (Exception e) {
            throw LanceErrorClassifier.classify("delete rows from", ref, e);
          }
        });
  }

  private List<StateRow> readOnce(@Nullable String lanceFilter, List<Column> projection) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        return List.of();
      }
      LocalPaths.requireWholeFiles(ref, handle.dataset());
      return scan(handle.dataset(), lanceFilter, projection);
    }
  }

  private List<StateRow> scan(
      Dataset dataset, @Nullable String lanceFilter, List<Column> projection) {
    Set<String> present = names(dataset);
    List<String> scanned = new ArrayList<>(List.of(ORDER));
    projection.stream().map(Column::name).filter(present::contains).forEach(scanned::add);
    ScanOptions.Builder options = new ScanOptions.Builder().columns(scanned);
    if (lanceFilter != null) {
      options.filter(lanceFilter);
    }
    List<OrderedRow> rows = new ArrayList<>();
    try (LanceScanner scanner = dataset.newScan(options.build());
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        collect(batches.getVectorSchemaRoot(), projection, rows);
      }
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read", ref, e);
    }
    rows.sort(Comparator.comparingLong(OrderedRow::order));
    return rows.stream().map(OrderedRow::row).toList();
  }

  private static void collect(
      VectorSchemaRoot batch, List<Column> projection, List<OrderedRow> rows) {
    BigIntVector order = (BigIntVector) batch.getVector(ORDER);
    for (int row = 0; row < batch.getRowCount(); row++) {
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      for (Column column : projection) {
        FieldVector vector = batch.getVector(column.name());
        values.put(
            column.name(), vector == null ? null : StateValues.get(vector, column.type(), row));
      }
      rows.add(new OrderedRow(order.get(row), new StateRow(values)));
    }
  }

  /** The newest version of the dataset; 0 if there is none. */
  public long version() {
    return Retry.outage(
        "open",
        ref,
        () -> {
          try (Handle handle = Handle.open(ref)) {
            return handle.present() ? handle.dataset().version() : 0;
          }
        });
  }

  /** How many fragments the newest version has: one for each append since the last compaction. */
  public int fragments() {
    return Retry.outage(
        "open",
        ref,
        () -> {
          try (Handle handle = Handle.open(ref)) {
            return handle.present() ? handle.dataset().getFragments().size() : 0;
          }
        });
  }

  /**
   * Puts the fragments together and deletes versions that are older than a minute. Appends
   * meanwhile are kept; a compaction elsewhere at the same time wins, and this one leaves it at
   * that.
   */
  public void compact() {
    compact(GRACE);
  }

  void compact(Duration grace) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        return;
      }
      LocalPaths.requireWholeFiles(ref, handle.dataset());
      mergeFragments(handle.dataset());
    }
    StateDatasets.cleanUp(ref, grace);
  }

  private void mergeFragments(Dataset dataset) {
    try {
      dataset.compact(
          CompactionOptions.builder().withTargetRowsPerFragment(COMPACTED_FRAGMENT_ROWS).build());
    } catch (Exception e) {
      DatasetException classified = LanceErrorClassifier.classify("compact", ref, e);
      boolean lostARace =
          classified.kind() == Kind.COMMIT_CONFLICT || classified.kind() == Kind.COMMIT_CONTENTION;
      if (!lostARace) {
        throw classified;
      }
    }
  }

  /**
   * Deletes the dataset with all rows; no error if there is none.
   *
   * @throws DatasetException INVALID_INPUT unless it lies below a {@code _backfill} folder
   */
  public void drop() {
    StateDatasets.drop(ref);
  }
}
