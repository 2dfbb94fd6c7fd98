package io.lancebackfill.sql;

import io.lancebackfill.call.Procedure;
import io.lancebackfill.table.CallCatalog;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.jspecify.annotations.Nullable;

/**
 * What a CALL calls: the part of the command that Catalyst does not look into.
 *
 * @param arguments one for each argument expression of the command, in order
 * @param output made once, so that copies of the plan keep the columns' ids
 */
record CallTarget(
    CallCatalog catalog,
    Procedure procedure,
    List<ArgumentPlace> arguments,
    List<Attribute> output) {

  /**
   * Where an argument stood.
   *
   * @param name null for a positional argument
   * @param problem why the argument, whose place a NULL holds, is no constant; null if it may be
   *     one
   */
  record ArgumentPlace(@Nullable String name, String text, @Nullable String problem) {}

  @Override
  public String toString() {
    return catalog.name() + ".system." + procedure.spec().name();
  }
}
