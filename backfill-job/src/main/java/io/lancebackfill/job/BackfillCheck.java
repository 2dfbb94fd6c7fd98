package io.lancebackfill.job;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/** Looks at a call of backfill without running it. Reads only. */
public final class BackfillCheck {
  private BackfillCheck() {}

  /**
   * What a call would run, and with what.
   *
   * @param column that it fills
   * @param cluster that it names, or null
   */
  public record Runs(
      ComputedColumn column,
      BackfillConf conf,
      Computation computation,
      @Nullable ClusterSpec cluster,
      TaskResources resources) {}

  /**
   * Binds the column's function as a job does.
   *
   * @throws BackfillException with a line for each fault
   */
  public static Runs runs(
      SparkSession spark, TableTarget table, String column, Map<String, Object> options) {
    return StorageErrors.translate(
        table,
        () -> {
          CheckedCall call = CheckedCall.of(spark, new BackfillRequest(table, column, options));
          return new Runs(
              call.column(),
              call.conf(),
              call.bound().computation(),
              call.cluster(),
              call.resources(spark));
        });
  }

  /**
   * Looks for further faults of a call that is refused already.
   *
   * @param columns empty if the call names none, which is the caller's to say
   * @param options those that could be read
   * @throws BackfillException with a line for each fault of table, column and options, if any
   */
  public static void check(
      SparkSession spark, TableTarget table, List<String> columns, Map<String, Object> options) {
    Faults faults = new Faults();
    StorageErrors.translate(
        table,
        () -> {
          if (columns.isEmpty()) {
            CheckedCall.of(spark, table, null, options, faults);
          }
          columns.forEach(column -> CheckedCall.of(spark, table, column, options, faults));
          return null;
        });
    faults.throwIfAny();
  }
}
