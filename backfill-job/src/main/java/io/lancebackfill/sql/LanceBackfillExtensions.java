package io.lancebackfill.sql;

import io.lancebackfill.catalog.IngestionRule;
import io.lancebackfill.procedure.ProcedureRegistry;
import io.lancebackfill.procedure.Procedures;
import org.apache.spark.sql.SparkSessionExtensions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * Adds our CALLs to a session, and what it takes to write tables with computed columns: {@code
 * spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions}. Goes together with other
 * extensions, in any order.
 */
public final class LanceBackfillExtensions implements Function1<SparkSessionExtensions, BoxedUnit> {
  private final ProcedureRegistry procedures;

  /** For {@code spark.sql.extensions}: with the procedures that this plugin brings. */
  public LanceBackfillExtensions() {
    this(Procedures.registry());
  }

  /** With other procedures, for {@code SparkSession.Builder.withExtensions}. */
  public LanceBackfillExtensions(ProcedureRegistry procedures) {
    this.procedures = procedures;
  }

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    extensions.injectParser(
        (session, delegate) -> new CallStatementParser(session, delegate, procedures));
    extensions.injectResolutionRule(session -> new IngestionRule());
    return BoxedUnit.UNIT;
  }
}
