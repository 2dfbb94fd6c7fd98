package io.lancebackfill.job;

import io.lancebackfill.progress.JobJournal;
import io.lancebackfill.progress.JobTotals;
import io.lancebackfill.state.JobCounts;

/** Tells a job's history of lost processes. */
record LossesOfJob(JobJournal journal, JobTotals totals) implements FragmentLosses.Job {
  @Override
  public void attempt(String fragments) {
    journal.attempt(fragments, totals.counts());
  }

  @Override
  public void lost(String message) {
    journal.lost(message, totals.counts());
  }

  @Override
  public boolean nothingIsDone() {
    JobCounts counts = totals.counts();
    return counts.fragmentsCommitted() == 0 && counts.fragmentsSkipped() == 0;
  }
}
