package io.lancebackfill.procedure;

import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.table.TableResolver;
import io.lancebackfill.table.TableTarget;

/** The table and the catalog folder that a call means. */
public final class CallTargets {
  private CallTargets() {}

  static TableResolver resolver(ProcedureContext context) {
    return new TableResolver(context.session(), context.catalog());
  }

  /** The table that the call's argument {@code table} names. */
  public static TableTarget table(ProcedureContext context, ProcedureArguments arguments) {
    return resolver(context).target(arguments.string("table"));
  }

  /** The folder of the catalog of the call, which keeps functions and definitions. */
  public static DatasetRef root(ProcedureContext context) {
    String catalog = context.catalog().name();
    return context
        .catalog()
        .folder()
        .orElseThrow(
            () ->
                new BackfillException(
                    BackfillErrorCode.UNKNOWN_CATALOG,
                    "Catalog '%s' has no root, so that nothing can be kept in it. Set spark.sql.catalog.%s.root to a folder or address."
                        .formatted(catalog, catalog)));
  }
}
