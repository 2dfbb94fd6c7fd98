package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.LanceArrowUtils;

/**
 * One version of a table: all of its metadata and no open handle.
 *
 * @param ref the table
 * @param version the version that everything here describes
 * @param storageVersion file format of the table, such as {@code 2.1}
 * @param stableRowIds whether rows keep their id when they move; false for a table without any
 *     fragment, which does not tell
 * @param columns top-level columns, in the schema's order
 * @param fragments in the manifest's order
 * @param config the table's configuration
 */
public record TableSnapshot(
    DatasetRef ref,
    long version,
    String storageVersion,
    boolean stableRowIds,
    List<TableColumn> columns,
    List<FragmentSnapshot> fragments,
    Map<String, String> config)
    implements Serializable {

  /** Lance gives their values in another form than it says, and below a struct those of blobs. */
  private static final Set<String> NOT_READ = Set.of("lance.json", "arrow.json", "lance.blob.v2");

  public TableSnapshot {
    columns = List.copyOf(columns);
    fragments = List.copyOf(fragments);
    config = Map.copyOf(config);
  }

  /** The column of exactly this name, else the only one whose name differs in case alone. */
  public Optional<TableColumn> column(String name) {
    Optional<TableColumn> exact =
        columns.stream().filter(column -> column.name().equals(name)).findFirst();
    if (exact.isPresent()) {
      return exact;
    }
    List<TableColumn> similar =
        columns.stream().filter(column -> column.name().equalsIgnoreCase(name)).toList();
    return similar.size() == 1 ? Optional.of(similar.get(0)) : Optional.empty();
  }

  /**
   * A column of another version as this one has it: under other ids if its values were put under
   * new ones in between, under another name if a computed one was renamed. The given one itself if
   * there is none such.
   */
  public TableColumn present(TableColumn column) {
    return columns.stream()
        .filter(
            candidate ->
                candidate.previousIds().contains(column.allIds())
                    || column.previousIds().contains(candidate.allIds())
                    || isRenamed(candidate, column))
        .findFirst()
        .orElse(column);
  }

  /** An id alone may have been given again: metadata that only one column has goes with it. */
  private static boolean isRenamed(TableColumn candidate, TableColumn column) {
    return candidate.allIds().equals(column.allIds())
        && !column.metadata().isEmpty()
        && candidate.metadata().equals(column.metadata());
  }

  /** The fragment of this id, empty if this version has none. */
  public Optional<FragmentSnapshot> fragment(int id) {
    return fragments.stream().filter(fragment -> fragment.id() == id).findFirst();
  }

  /** The highest id that a field has, or that a data file names; the next column's is above. */
  public int highestFieldId() {
    int ofColumns =
        columns.stream().flatMap(c -> c.allIds().stream()).mapToInt(id -> id).max().orElse(-1);
    int ofFiles =
        fragments.stream()
            .flatMap(fragment -> fragment.files().stream())
            .flatMap(file -> file.fieldIds().stream())
            .mapToInt(id -> id)
            .max()
            .orElse(-1);
    return Math.max(ofColumns, ofFiles);
  }

  /** All fragments by id, for those who look up many. */
  public Map<Integer, FragmentSnapshot> fragmentsById() {
    Map<Integer, FragmentSnapshot> byId = new HashMap<>();
    fragments.forEach(fragment -> byId.put(fragment.id(), fragment));
    return byId;
  }

  /**
   * About how many bytes a manifest takes that says all this, which is what each commit writes at
   * least: mostly a path and the fields of each data file.
   */
  public long manifestBytes() {
    long bytes = 0;
    for (TableColumn column : columns) {
      bytes += 50L * column.allIds().size() + column.name().length();
      for (Map.Entry<String, String> entry : column.metadata().entrySet()) {
        bytes += entry.getKey().length() + entry.getValue().length() + 6L;
      }
    }
    for (FragmentSnapshot fragment : fragments) {
      bytes += fragment.deletedRows() > 0 ? 20 : 4;
      for (DataFileInfo file : fragment.files()) {
        bytes += 18L + file.path().length() + 2 * varints(file.fieldIds());
      }
    }
    return bytes;
  }

  private static long varints(List<Integer> numbers) {
    // A tombstone is negative, and those take the longest form.
    return numbers.stream().mapToLong(n -> n < 0 ? 10 : n < 128 ? 1 : 2).sum();
  }

  /** The columns as Arrow fields, as they are read. */
  public Schema arrowSchema() {
    return new Schema(columns.stream().map(TableColumn::readField).toList());
  }

  /**
   * The columns as Spark types, as lance-spark maps them. Columns of types that Spark does not
   * know, such as half floats or nanosecond timestamps, are left out: the others stay readable.
   */
  public StructType sparkSchema() {
    return LanceArrowUtils.fromArrowSchema(
        new Schema(
            columns.stream().map(TableColumn::readField).filter(TableSnapshot::known).toList()));
  }

  /** The columns that {@link #sparkSchema} leaves out. */
  public List<TableColumn> unreadable() {
    return columns.stream().filter(column -> !known(column.readField())).toList();
  }

  private static boolean known(Field field) {
    if (field.getDictionary() != null
        || NOT_READ.contains(field.getMetadata().getOrDefault("ARROW:extension:name", ""))
        || field.getMetadata().containsKey("lance-encoding:blob")
        || field.getChildren().stream().anyMatch(child -> !known(child))) {
      return false;
    }
    try {
      LanceArrowUtils.fromArrowField(field);
      return true;
    } catch (RuntimeException e) {
      // lance-spark says by an exception of Spark's, UNSUPPORTED_ARROWTYPE, that there is no type.
      return false;
    }
  }
}
