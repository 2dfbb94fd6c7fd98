package io.lancebackfill.sql;

import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.catalog.IngestionRule;
import io.lancebackfill.datasource.table.LanceLog;
import io.lancebackfill.procedure.Procedures;
import io.lancebackfill.vector.VectorFunctions;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSessionExtensions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * Adds our CALLs to a session, functions on vectors, and what it takes to write tables with
 * computed columns: {@code spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions}. Goes
 * together with other extensions, in any order.
 */
public final class LanceBackfillExtensions implements Function1<SparkSessionExtensions, BoxedUnit> {
  private final Supplier<ProcedureRegistry> procedures;

  /** For {@code spark.sql.extensions}: with the procedures that this plugin brings. */
  public LanceBackfillExtensions() {
    this.procedures = Procedures::registry;
  }

  /** With other procedures, for {@code SparkSession.Builder.withExtensions}. */
  public LanceBackfillExtensions(ProcedureRegistry procedures) {
    this.procedures = () -> procedures;
  }

  /**
   * @throws io.lancebackfill.error.BackfillException MISSING_JARS: Spark goes on without an
   *     extension whose classes are not found, and what is ours would be a syntax error
   */
  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    RequiredJars.check(LanceBackfillExtensions.class.getClassLoader());
    LanceLog.quieten();
    ProcedureRegistry registry = procedures.get();
    extensions.injectParser(
        (session, delegate) -> new CallStatementParser(session, delegate, registry));
    VectorFunctions.inject(extensions);
    extensions.injectResolutionRule(session -> new IngestionRule());
    return BoxedUnit.UNIT;
  }
}
