package io.lancebackfill.progress;

import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.JobCounts;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.roaringbitmap.RoaringBitmap;

/**
 * A job's counters while it runs. A fragment that takes several rounds counts once; the rows on
 * which the function ran again count again.
 */
public final class JobTotals {
  private final JobJournal journal;
  private final Set<Integer> planned = new HashSet<>();
  private final Set<Integer> committed = new HashSet<>();

  /** Rows that earlier jobs had finished, by fragment. */
  private final Map<Integer, RoaringBitmap> takenOver = new HashMap<>();

  /** Rows on which the function failed the last time that it ran on them, by fragment. */
  private final Map<Integer, RoaringBitmap> failed = new HashMap<>();

  private long rowsFailed;
  private long rowsTakenOver;
  private long fragmentsSkipped;
  private long rowsComputed;
  private long commits;
  private long bytesWritten;
  private long rowsToCompute;

  public JobTotals(JobJournal journal) {
    this.journal = journal;
  }

  /** A round's plan: what earlier rounds did is behind it. */
  public void planned(BackfillPlan plan) {
    Set<Integer> now = new HashSet<>();
    plan.fragments().forEach(fragment -> now.add(fragment.fragmentId()));
    // The plan takes what is done for what needs nothing.
    long done = planned.stream().filter(id -> !now.contains(id)).count();
    fragmentsSkipped = Math.max(0, plan.fragmentsSkipped() - done);
    planned.addAll(now);
    rowsToCompute = rowsComputed + plan.rowsToCompute();
  }

  public void computed(long rows, long bytes) {
    rowsComputed += rows;
    bytesWritten += bytes;
  }

  /**
   * A task's rows are computed.
   *
   * @param good those on which the function did not fail
   * @param bad those on which it did
   */
  public void failed(int fragmentId, RoaringBitmap good, RoaringBitmap bad) {
    if (bad.isEmpty() && !failed.containsKey(fragmentId)) {
      return;
    }
    RoaringBitmap all = failed.computeIfAbsent(fragmentId, id -> new RoaringBitmap());
    rowsFailed -= all.getLongCardinality();
    all.andNot(good);
    all.or(bad);
    rowsFailed += all.getLongCardinality();
  }

  /** A fragment's file is finished: rows of earlier jobs' checkpoints are in it. */
  public void finished(FragmentPlan fragment, String jobId) {
    fragment.checkpoints().stream()
        .filter(checkpoint -> !checkpoint.jobId().equals(jobId))
        .forEach(checkpoint -> takenOver(fragment.fragmentId(), checkpoint.rows()));
  }

  /** A file that an earlier driver finished will be committed as it is. */
  public void adopted(int fragmentId, RoaringBitmap rows) {
    planned.add(fragmentId);
    takenOver(fragmentId, rows);
  }

  private void takenOver(int fragmentId, RoaringBitmap rows) {
    RoaringBitmap all = takenOver.computeIfAbsent(fragmentId, id -> new RoaringBitmap());
    rowsTakenOver -= all.getLongCardinality();
    all.or(rows);
    rowsTakenOver += all.getLongCardinality();
  }

  public void committed(CommitOutcome outcome) {
    committed.addAll(outcome.committed());
    commits += outcome.commits();
    journal.committed(outcome.version(), counts(), rowsToCompute);
  }

  /** A task had to do without checkpoints. */
  public void noCheckpoints(String cause) {
    journal.trouble(
        "Checkpoints could not be written, so a crash would have cost more work", cause);
  }

  public void tick(long liveRows) {
    journal.running(counts(), Math.max(liveRows, rowsComputed), rowsToCompute);
  }

  long rowsToCompute() {
    return rowsToCompute;
  }

  public JobCounts counts() {
    return new JobCounts(
        planned.size(),
        committed.size(),
        fragmentsSkipped,
        rowsComputed,
        rowsTakenOver,
        rowsFailed,
        commits,
        bytesWritten);
  }
}
