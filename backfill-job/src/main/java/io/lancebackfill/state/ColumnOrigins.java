package io.lancebackfill.state;

import com.fasterxml.jackson.core.type.TypeReference;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The record of what each column file was made from: {@code _backfill/columns.lance}, append only,
 * a row for each part of a file. All rows of a file come in one append.
 */
public final class ColumnOrigins implements OriginLog {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("column_ids", Type.STRING),
          new Column("fragment_id", Type.INT),
          new Column("physical_rows", Type.LONG),
          new Column("path", Type.STRING),
          new Column("file_fields", Type.STRING),
          new Column("file_column_indices", Type.STRING),
          new Column("file_major_version", Type.INT),
          new Column("file_minor_version", Type.INT),
          new Column("bytes", Type.LONG),
          new Column("replaces", Type.STRING),
          new Column("function_fingerprint", Type.STRING),
          new Column("inputs", Type.STRING),
          new Column("generation", Type.STRING),
          new Column("computed", Type.BINARY),
          new Column("failed", Type.BINARY),
          new Column("job_id", Type.STRING),
          new Column("epoch", Type.LONG),
          new Column("at", Type.TIMESTAMP),
          new Column("deleted", Type.BINARY),
          new Column("deletion_file", Type.STRING));

  /** Files of that many fragments are asked for by name. */
  private static final int MOST_ASKED_FOR = 500;

  /** A condition of more nests too deeply. */
  private static final int MOST_ALTERNATIVES = 50;

  private static final TypeReference<List<Integer>> INTS = new TypeReference<>() {};

  private final StateTable table;

  public ColumnOrigins(TableState state) {
    this.table = new StateTable(state.columns(), SCHEMA);
  }

  /** Makes the dataset, if there is none, so that an append need not. */
  public void prepare() {
    table.prepare();
  }

  @Override
  public void append(List<ColumnOrigin> origins) {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    for (ColumnOrigin o : origins) {
      for (ColumnOrigin.Part part : o.parts()) {
        List<@Nullable Object> row = new ArrayList<>();
        row.addAll(
            List.of(
                o.columnIds(),
                o.fragmentId(),
                o.physicalRows(),
                o.file().path(),
                Json.write(o.file().fieldIds()),
                Json.write(o.file().columnIndices()),
                o.file().majorVersion(),
                o.file().minorVersion(),
                o.file().bytes(),
                o.replaces()));
        row.addAll(
            List.of(
                part.fingerprint(),
                part.inputs(),
                part.generation(),
                RowOffsets.toBytes(part.computed()),
                RowOffsets.toBytes(part.failed()),
                o.jobId(),
                o.epoch(),
                o.at()));
        DeletedRows deleted = o.deleted();
        row.add(deleted == null ? null : RowOffsets.toBytes(deleted.rows()));
        row.add(deleted == null ? null : deleted.file());
        rows.add(row);
      }
    }
    if (!rows.isEmpty()) {
      table.append(rows);
    }
  }

  /** Grows with every change of the records; 0 if there are none. */
  public long version() {
    return table.version();
  }

  /** The record of each file ever made for a column or group, by path, oldest first. */
  public Map<String, ColumnOrigin> byPath(String columnIds) {
    return read(ofColumn(columnIds));
  }

  /**
   * The records that decide what a column's values are in a version of the table, by path, oldest
   * first: those of the files that hold it there, and of those that were made to take their places.
   * However many files there were before, their records are not read; of a table of many fragments
   * all are, which is quicker then.
   */
  public Map<String, ColumnOrigin> deciding(ComputedColumn column, TableSnapshot version) {
    if (version.fragments().size() > MOST_ASKED_FOR) {
      return byPath(column.idKey());
    }
    List<String> paths = new ArrayList<>();
    List<String> places = new ArrayList<>();
    List<String> without = new ArrayList<>();
    for (FragmentSnapshot fragment : version.fragments()) {
      Optional<ColumnPlace> place = ColumnFileCommitter.place(fragment, column.columns());
      place.ifPresent(
          there -> {
            paths.add(quoted(ColumnOrigin.pathOf(there)));
            places.add(quoted(InputPlaces.text(there)));
          });
      if (place.isEmpty()) {
        without.add(Integer.toString(fragment.id()));
      }
    }
    List<String> any = new ArrayList<>();
    if (!paths.isEmpty()) {
      any.add("path IN (%s)".formatted(String.join(", ", paths)));
      any.add("replaces IN (%s)".formatted(String.join(", ", places)));
    }
    if (!without.isEmpty()) {
      any.add("(replaces = '' AND fragment_id IN (%s))".formatted(String.join(", ", without)));
    }
    return any.isEmpty()
        ? Map.of()
        : read("%s AND (%s)".formatted(ofColumn(column.idKey()), String.join(" OR ", any)));
  }

  private static String ofColumn(String columnIds) {
    return "column_ids = " + quoted(columnIds);
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  private Map<String, ColumnOrigin> read(String filter) {
    Map<String, List<StateRow>> rows = new LinkedHashMap<>();
    for (StateRow row : table.read(filter, List.of())) {
      rows.computeIfAbsent(row.string("path"), p -> new ArrayList<>()).add(row);
    }
    Map<String, ColumnOrigin> origins = new LinkedHashMap<>();
    rows.forEach((path, parts) -> origins.put(path, origin(path, parts)));
    return origins;
  }

  private static ColumnOrigin origin(String path, List<StateRow> all) {
    // A newer record of the same file supersedes the older ones.
    Instant newest = all.get(all.size() - 1).instant("at");
    List<StateRow> rows = all.stream().filter(r -> r.instant("at").equals(newest)).toList();
    StateRow first = rows.get(0);
    List<ColumnOrigin.Part> parts = new ArrayList<>();
    for (StateRow r : rows) {
      parts.add(
          new ColumnOrigin.Part(
              r.string("function_fingerprint"),
              r.string("inputs"),
              r.string("generation"),
              RowOffsets.fromBytes(r.binary("computed")),
              RowOffsets.fromBytes(r.binary("failed"))));
    }
    String deletionFile = first.stringOrNull("deletion_file");
    return new ColumnOrigin(
        first.string("column_ids"),
        first.intValue("fragment_id"),
        first.longValue("physical_rows"),
        new StagedColumnFile(
            path,
            Json.read(first.string("file_fields"), INTS),
            Json.read(first.string("file_column_indices"), INTS),
            first.intValue("file_major_version"),
            first.intValue("file_minor_version"),
            first.longValue("bytes"),
            first.longValue("physical_rows")),
        first.string("replaces"),
        // An append that was repeated after an unclear outcome leaves the same parts twice.
        ColumnOrigin.merged(parts),
        deletionFile == null
            ? null
            : new DeletedRows(deletionFile, RowOffsets.fromBytes(first.binaryOrNull("deleted"))),
        first.string("job_id"),
        first.longValue("epoch"),
        first.instant("at"));
  }

  /** Files that were recorded at {@code from} or later, or for one of these columns. */
  public Set<String> recordedSince(Instant from, Set<String> columnIds) {
    Set<String> paths = new HashSet<>();
    for (StateRow row : table.read(null, List.of("column_ids", "path", "at"))) {
      if (columnIds.contains(row.string("column_ids")) || !row.instant("at").isBefore(from)) {
        paths.add(row.string("path"));
      }
    }
    return paths;
  }

  /**
   * Forgets what no call can need: the records of files that no version of the table names, so that
   * not even a restore brings them back, and records of which the same file has a newer one. A
   * record of a computed input's file stays while a record of a named file refers to it.
   *
   * @param before newer records stay: their files may still be put into the table
   * @param spared ids of columns of which all records stay
   * @param named gives the data files that any version names; asked once the records are read, so
   *     that a file which is committed in between counts as named, and not at all if there are none
   * @return how many files were forgotten
   */
  public int trim(Instant before, Set<String> spared, Supplier<Set<String>> named) {
    List<StateRow> rows = table.read(null, List.of("column_ids", "path", "inputs", "at"));
    if (rows.isEmpty()) {
      return 0;
    }
    Set<String> namedFiles = named.get();
    Map<String, FileRecord> files = new LinkedHashMap<>();
    Set<String> inputs = new HashSet<>();
    for (StateRow row : rows) {
      String path = row.string("path");
      Instant at = row.instant("at");
      boolean isNamed = namedFiles.containsAll(ColumnOrigin.files(path));
      if (isNamed) {
        inputs.addAll(InputPlaces.paths(row.string("inputs")));
      }
      files.merge(
          path,
          new FileRecord(row.string("column_ids"), path, at, isNamed, false),
          FileRecord::andNewer);
    }
    List<FileRecord> mayGo =
        files.values().stream().filter(file -> !spared.contains(file.columnIds())).toList();
    List<String> gone =
        mayGo.stream()
            .filter(file -> !file.named() && file.at().isBefore(before))
            .filter(file -> !inputs.contains(file.path()))
            .map(file -> quoted(file.path()))
            .toList();
    List<String> older =
        mayGo.stream()
            .filter(FileRecord::hasOlder)
            .map(file -> "(path = %s AND at < %s)".formatted(quoted(file.path()), sql(file.at())))
            .toList();
    for (int i = 0; i < gone.size(); i += MOST_ASKED_FOR) {
      List<String> some = gone.subList(i, Math.min(gone.size(), i + MOST_ASKED_FOR));
      table.delete("path IN (%s)".formatted(String.join(", ", some)));
    }
    for (int i = 0; i < older.size(); i += MOST_ALTERNATIVES) {
      table.delete(
          String.join(" OR ", older.subList(i, Math.min(older.size(), i + MOST_ALTERNATIVES))));
    }
    return gone.size();
  }

  /**
   * @param at of its newest record
   * @param hasOlder whether it has records that this one replaces
   */
  private record FileRecord(
      String columnIds, String path, Instant at, boolean named, boolean hasOlder) {
    FileRecord andNewer(FileRecord newer) {
      boolean older = hasOlder || !at.equals(newer.at);
      return new FileRecord(columnIds, path, newer.at, named, older);
    }
  }

  private static String sql(Instant at) {
    return "to_timestamp_micros(%d)".formatted(ChronoUnit.MICROS.between(Instant.EPOCH, at));
  }

  public void compact() {
    if (table.fragments() > 50) {
      table.compact();
    }
  }
}
