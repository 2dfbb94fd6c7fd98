package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.compaction.CompactionOptions;

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

  /** Old versions stay this long, for readers and appends that are under way. */
  private static final Duration GRACE = Duration.ofMinutes(1);

  private static final int COMPACTED_FRAGMENT_ROWS = 1_000_000;

  private final DatasetRef ref;
  private final List<Column> columns;
  private final StateAppends appends;
  private final StateScan scan;

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
    fields.add(Field.nullable(StateScan.ORDER, StateValues.arrowType(Type.LONG)));
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
    this.appends = new StateAppends(ref, this.columns, new Schema(fields));
    this.scan = new StateScan(ref);
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
   * Makes the dataset, if it is missing, with the columns that it lacks: an append need not then.
   */
  public void prepare() {
    appends.prepare();
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
    appends.append(rows);
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
    return Retry.read(ref, () -> scan.read(lanceFilter, projection));
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
    return Retry.read(
        ref, () -> scan.newest(lanceFilter, by, OptionalLong.empty(), columns, enough));
  }

  /**
   * The same where about the newest value is known, which saves a look at all rows.
   *
   * @param newest rows with greater values are read too
   */
  public List<StateRow> readNewest(
      String lanceFilter, String by, long newest, Predicate<? super List<StateRow>> enough) {
    return Retry.read(
        ref, () -> scan.newest(lanceFilter, by, OptionalLong.of(newest), columns, enough));
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
