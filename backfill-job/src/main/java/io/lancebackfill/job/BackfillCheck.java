package io.lancebackfill.job;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/** Looks for further faults of a call of backfill that is refused already. Reads only. */
public final class BackfillCheck {
  private BackfillCheck() {}

  /**
   * @param column null if the call names none, which is the caller's to say
   * @param options those that could be read
   * @throws BackfillException with a line for each fault of table, column and options, if any
   */
  public static void check(
      SparkSession spark, TableTarget table, @Nullable String column, Map<String, Object> options) {
    Faults faults = new Faults();
    StorageErrors.translate(table, () -> CheckedCall.of(spark, table, column, options, faults));
    faults.throwIfAny();
  }
}
