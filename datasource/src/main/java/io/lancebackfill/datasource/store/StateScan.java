package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.lance.schema.LanceField;

/** Reads rows of a {@link StateTable} from one version of its dataset, once. */
final class StateScan {
  /** The column by which rows have the order of their appends. */
  static final String ORDER = "_order";

  /** How far back {@link #newest} looks first, and how much farther each time. */
  private static final long FIRST_SPAN = 16;

  private static final long SPAN_GROWTH = 8;

  private final DatasetRef ref;

  StateScan(DatasetRef ref) {
    this.ref = ref;
  }

  /** Columns that the dataset has, {@link #ORDER} among them. */
  static Set<String> names(Dataset dataset) {
    Set<String> names = new HashSet<>();
    for (LanceField field : dataset.getLanceSchema().fields()) {
      names.add(field.getName());
    }
    return names;
  }

  private record OrderedRow(long order, StateRow row) {}

  /**
   * @param lanceFilter null for all rows
   * @return in the order of their appends; none if there is no dataset
   */
  List<StateRow> read(@Nullable String lanceFilter, List<Column> projection) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        return List.of();
      }
      LocalPaths.requireWholeFiles(ref, handle.dataset());
      return scan(handle.dataset(), lanceFilter, projection);
    }
  }

  /**
   * @param known about the newest value of {@code by}; it is looked for if it is not known
   * @param enough whether the rows read so far will do
   */
  List<StateRow> newest(
      String lanceFilter,
      String by,
      OptionalLong known,
      List<Column> columns,
      Predicate<? super List<StateRow>> enough) {
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
}
