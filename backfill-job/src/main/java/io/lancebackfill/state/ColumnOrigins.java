package io.lancebackfill.state;

import com.fasterxml.jackson.core.type.TypeReference;
import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

  private static final TypeReference<List<Integer>> INTS = new TypeReference<>() {};

  private final StateTable table;

  public ColumnOrigins(TableState state) {
    this.table = new StateTable(state.columns(), SCHEMA);
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

  /** The record of each file ever made for a column or group, by path, oldest first. */
  public Map<String, ColumnOrigin> byPath(String columnIds) {
    return read("column_ids = '" + columnIds + "'");
  }

  /** The record of each file of all columns, by path. */
  public Map<String, ColumnOrigin> all() {
    return read(null);
  }

  private Map<String, ColumnOrigin> read(@Nullable String filter) {
    if (!table.exists()) {
      return Map.of();
    }
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

  public void compact() {
    if (table.exists() && table.fragments() > 50) {
      table.compact();
    }
  }
}
