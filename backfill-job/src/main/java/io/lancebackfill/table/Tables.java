package io.lancebackfill.table;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.List;

/** Opens tables for jobs, with the messages that users see. */
public final class Tables {
  private Tables() {}

  /**
   * @throws BackfillException NOT_A_LANCE_TABLE, or what the storage says
   */
  public static TableSnapshot latest(TableTarget table) {
    return StorageErrors.translate(table, () -> LanceTables.latest(table.ref()));
  }

  /**
   * @throws BackfillException VERSION_NOT_FOUND, or what the storage says
   */
  public static TableSnapshot at(TableTarget table, long version) {
    try {
      return LanceTables.at(table.ref(), version);
    } catch (DatasetException e) {
      if (e.kind() == DatasetException.Kind.NOT_FOUND) {
        throw new BackfillException(
            BackfillErrorCode.VERSION_NOT_FOUND,
            ("Table %s has no version %d: it was never written, or cleaned up. Leave read_version out for"
                    + " the latest.")
                .formatted(table.name(), version),
            e);
      }
      throw StorageErrors.translated(table, e);
    }
  }

  /**
   * The table without what a commit that was cut off left of the columns: {@code seen} itself for
   * most, which is what saves reading a large manifest again.
   *
   * @param seen the newest version
   * @param columns as that version has them
   */
  public static TableSnapshot repaired(
      TableTarget table, TableSnapshot seen, List<TableColumn> columns) {
    if (!ColumnFileCommitter.mayNeedRepair(seen, columns)) {
      return seen;
    }
    ColumnFileCommitter.repair(table.ref(), columns);
    return latest(table);
  }

  public static void tag(TableTarget table, String name, long version) {
    StorageErrors.translate(
        table,
        () -> {
          LanceTables.tag(table.ref(), name, version);
          return null;
        });
  }
}
