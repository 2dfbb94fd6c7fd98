package io.lancebackfill.job;

import io.lancebackfill.progress.JobListener;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.table.TableTargets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.sql.SparkSession;

/** Runs a backfill and keeps the notices that it gives. */
final class JobNotices implements JobListener {
  final List<String> notices = new CopyOnWriteArrayList<>();

  BackfillResult run(SparkSession spark, String table, String column, Map<String, Object> options) {
    return new BackfillAction(
            spark, new BackfillRequest(TableTargets.resolve(spark, table), column, options), this)
        .run();
  }

  @Override
  public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {}

  @Override
  public void running(
      JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {}

  @Override
  public void committed(JobInfo job, JobCounts counts, long tableVersion) {}

  @Override
  public void notice(JobInfo job, String message) {
    notices.add(message);
  }

  @Override
  public void ended(
      JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {}
}
