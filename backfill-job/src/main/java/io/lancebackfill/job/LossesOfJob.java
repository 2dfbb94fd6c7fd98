package io.lancebackfill.job;

import io.lancebackfill.progress.JobJournal;
import io.lancebackfill.progress.JobTotals;
import io.lancebackfill.state.JobCounts;
import java.util.function.Supplier;

/**
 * Tells a job's history of lost processes.
 *
 * @param limits how much memory a process may use, in words
 */
record LossesOfJob(JobJournal journal, JobTotals totals, Supplier<String> limits)
    implements FragmentLosses.Job {
  @Override
  public void attempt(String fragments) {
    journal.attempt(fragments, totals.counts());
  }

  @Override
  public void lost(String message) {
    journal.lost(message, totals.counts());
  }

  @Override
  public void notice(String message) {
    journal.notice(message);
  }

  @Override
  public String memory() {
    return limits.get();
  }

  @Override
  public boolean nothingIsDone() {
    JobCounts counts = totals.counts();
    return counts.fragmentsCommitted() == 0 && counts.fragmentsSkipped() == 0;
  }
}
