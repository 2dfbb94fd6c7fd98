package io.lancebackfill;

import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.declare.ColumnDeclarations;
import io.lancebackfill.declare.ColumnDeclarations.Declared;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillRequest;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.report.CoverageReport;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.TableTargets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * The way in for Java programs: {@code LanceBackfill.table(spark,
 * "lance.db.t").backfill("col").run()}.
 */
public final class LanceBackfill {
  private final SparkSession spark;
  private final TableTarget target;

  private LanceBackfill(SparkSession spark, TableTarget target) {
    this.spark = spark;
    this.target = target;
  }

  /**
   * A table.
   *
   * @param table a name whose first part is a Lance catalog of the session, or a URI, for which the
   *     session's only Lance catalog gives the credentials
   * @throws io.lancebackfill.error.BackfillException if there is no such table or catalog
   */
  public static LanceBackfill table(SparkSession spark, String table) {
    return new LanceBackfill(spark, TableTargets.resolve(spark, table));
  }

  /** Declares a computed column. */
  public List<Declared> addColumn(String column, String expression) {
    return addColumn(column, expression, Map.of());
  }

  /** Declares a computed column with options, such as {@code vector_dim}. */
  public List<Declared> addColumn(String column, String expression, Map<String, String> options) {
    return new ColumnDeclarations(spark, target).add(List.of(column), expression, null, options);
  }

  /** What each fragment holds in a computed column. */
  public List<CoverageReport.Line> coverage(String column) {
    return new CoverageReport(spark, target).run(column);
  }

  /** A backfill of one computed column, or group, to be set up and run. */
  public Backfill backfill(String column) {
    return new Backfill(column);
  }

  /** Options and start of one backfill. What is not set comes from the column or the session. */
  public final class Backfill {
    private final String column;
    private final Map<String, Object> options = new LinkedHashMap<>();

    private Backfill(String column) {
      this.column = column;
    }

    public Backfill where(String condition) {
      return option(BackfillOptions.WHERE, condition);
    }

    public Backfill recompute() {
      return option(BackfillOptions.RECOMPUTE, true);
    }

    public Backfill recomputeUnknown() {
      return option(BackfillOptions.RECOMPUTE_UNKNOWN, true);
    }

    public Backfill maxFragments(int fragments) {
      return option(BackfillOptions.MAX_FRAGMENTS, fragments);
    }

    public Backfill readVersion(long version) {
      return option(BackfillOptions.READ_VERSION, version);
    }

    public Backfill dryRun() {
      return option(BackfillOptions.DRY_RUN, true);
    }

    public Backfill concurrency(int tasks) {
      return option(BackfillOptions.CONCURRENCY, tasks);
    }

    public Backfill batchSize(int rows) {
      return option(BackfillOptions.BATCH_SIZE, rows);
    }

    public Backfill checkpointInterval(Duration interval) {
      return option(BackfillOptions.CHECKPOINT_INTERVAL, interval.toString());
    }

    public Backfill commitGranularity(int fragments) {
      return option(BackfillOptions.COMMIT_GRANULARITY, fragments);
    }

    public Backfill commitInterval(Duration interval) {
      return option(BackfillOptions.COMMIT_INTERVAL, interval.toString());
    }

    public Backfill jobId(String id) {
      return option(BackfillOptions.JOB_ID, id);
    }

    private Backfill option(ConfigOption<?> option, Object value) {
      options.put(option.name(), value);
      return this;
    }

    /**
     * Runs the backfill to its end.
     *
     * @throws io.lancebackfill.error.BackfillException for whatever keeps it from that; what was
     *     finished is committed then, and the same call goes on from there
     */
    public BackfillResult run() {
      return new BackfillAction(spark, new BackfillRequest(target, column, options)).run();
    }
  }
}
