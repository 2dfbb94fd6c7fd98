package io.lancebackfill.procedure;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.job.TableTarget;
import org.jspecify.annotations.Nullable;

/** The table and the catalog folder that a call means. */
final class CallTargets {
  private CallTargets() {}

  static TableTarget table(ProcedureContext context, ProcedureArguments arguments) {
    return table(context, arguments.string("table"));
  }

  static TableTarget table(ProcedureContext context, String table) {
    return table(context, new TableResolver(context).resolve(table));
  }

  static TableTarget table(ProcedureContext context, TableAddress address) {
    return new TableTarget(
        address.displayName(),
        new DatasetRef(address.uri(), address.storageOptions()),
        rootOrNull(context));
  }

  /** The folder of the catalog of the call, which keeps registered functions. */
  static DatasetRef root(ProcedureContext context) {
    DatasetRef root = rootOrNull(context);
    if (root == null) {
      throw new BackfillException(
          BackfillErrorCode.UNKNOWN_CATALOG,
          "Catalog '%s' has no root, so that functions cannot be kept in it. Set spark.sql.catalog.%s.root to a folder or address."
              .formatted(context.catalog().name(), context.catalog().name()));
    }
    return root;
  }

  private static @Nullable DatasetRef rootOrNull(ProcedureContext context) {
    return context
        .catalog()
        .root()
        .map(root -> new DatasetRef(root, context.catalog().storageOptions()))
        .orElse(null);
  }
}
