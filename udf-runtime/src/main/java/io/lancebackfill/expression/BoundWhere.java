package io.lancebackfill.expression;

import java.util.List;

/**
 * A filter bound to a table's columns. NULL counts as false.
 *
 * @param sql the canonical text, which can be parsed again
 * @param columns the top-level columns that it reads, in the table's order; may be empty
 */
public record BoundWhere(String sql, List<String> columns) {
  public BoundWhere {
    columns = List.copyOf(columns);
  }
}
