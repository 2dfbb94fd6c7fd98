package io.lancebackfill.job;

import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import org.jspecify.annotations.Nullable;

/**
 * What a backfill did.
 *
 * @param columns name of the column, or the names of a group with commas
 * @param tableVersion newest version of the table that the job saw or made
 * @param elapsedMs milliseconds from the call to its end
 * @param attachedBy how files were attached, as the option {@code attach} names it, with commas;
 *     null if none was
 * @param note what a user should know of the result, such as what attaching has cost; may be empty
 */
public record BackfillResult(
    String jobId,
    String columns,
    JobStatus status,
    long tableVersion,
    JobCounts counts,
    long elapsedMs,
    @Nullable String attachedBy,
    String note) {}
