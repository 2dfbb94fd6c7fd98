package io.lancebackfill.job;

import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;

/**
 * What a backfill did.
 *
 * @param tableVersion newest version of the table that the job saw or made
 * @param elapsedMs milliseconds from the call to its end
 */
public record BackfillResult(
    String jobId, JobStatus status, long tableVersion, JobCounts counts, long elapsedMs) {}
