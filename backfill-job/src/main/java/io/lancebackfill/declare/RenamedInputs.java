package io.lancebackfill.declare;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.ComputedColumn;
import java.util.List;
import java.util.Optional;

/** What became of inputs that a declaration knows by names alone which the table has no more. */
final class RenamedInputs {
  /** A rename is looked for in the newest versions only: each costs a read. */
  private static final int VERSIONS = 50;

  private RenamedInputs() {}

  /**
   * @throws BackfillException INVALID_EXPRESSION, with the old name of each and the new one if it
   *     was found
   */
  static void refuseMissing(TableSnapshot table, ComputedColumn column) {
    List<String> missing = column.declaredInputs().missing(table);
    if (missing.isEmpty()) {
      return;
    }
    String what =
        String.join(
            ", ",
            missing.stream()
                .map(
                    name ->
                        renamed(table, name)
                            .map(now -> "'%s', which is called '%s' now".formatted(name, now))
                            .orElse("'%s', which the table does not have any more".formatted(name)))
                .toList());
    throw new BackfillException(
        BackfillErrorCode.INVALID_EXPRESSION,
        ("Column '%s' is computed as %s from %s. Name the column back, or call alter_column(table,"
                + " '%s', expression) with the new names. Its values stay readable.")
            .formatted(column.name(), column.expression(), what, column.names().get(0)));
  }

  private static Optional<String> renamed(TableSnapshot table, String name) {
    for (long version = table.version() - 1;
        version > 0 && version >= table.version() - VERSIONS;
        version--) {
      TableSnapshot earlier;
      try {
        earlier = LanceTables.at(table.ref(), version);
      } catch (DatasetException e) {
        if (e.kind() == DatasetException.Kind.NOT_FOUND) {
          return Optional.empty(); // cleaned up, as all before it
        }
        throw e;
      }
      Optional<TableColumn> then = earlier.column(name);
      if (then.isPresent()) {
        int id = then.get().originalId();
        return table.columns().stream()
            .filter(column -> column.originalId() == id)
            .map(TableColumn::name)
            .findFirst();
      }
    }
    return Optional.empty();
  }
}
