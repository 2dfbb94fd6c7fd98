package io.lancebackfill.call;

import java.util.List;
import org.apache.spark.sql.Row;

/** What {@code CALL catalog.system.name(...)} runs. Implementations are thin: bind, act, format. */
public interface Procedure {
  /** Name, parameters and result columns; the same on every call. */
  ProcedureSpec spec();

  /**
   * Runs the procedure once, on the driver.
   *
   * @return rows with the columns of {@link ProcedureSpec#output}
   * @throws io.lancebackfill.error.BackfillException for everything that the caller should read
   */
  List<Row> call(ProcedureContext context, ProcedureArguments arguments);

  /**
   * Looks for further faults of a call that is refused already, so that its caller reads them all
   * at once. Reads only.
   *
   * @param arguments those that could be bound; required ones may be missing
   * @throws io.lancebackfill.error.BackfillException with the faults, if there are any
   */
  default void check(ProcedureContext context, ProcedureArguments arguments) {}
}
