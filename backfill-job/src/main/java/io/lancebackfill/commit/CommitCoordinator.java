package io.lancebackfill.commit;

import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnGoneException;
import io.lancebackfill.datasource.commit.CommitFailedException;
import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.datasource.commit.CommitStateUnknownException;
import io.lancebackfill.datasource.commit.GroupCommitter;
import io.lancebackfill.datasource.commit.LostOwnershipException;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.failure.ErrorLog;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.state.OriginLog;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The only writer of a job's column: records finished files, gathers them into groups and attaches
 * a group in one commit, in whatever order fragments finish. Not thread-safe: one thread drives it.
 */
public final class CommitCoordinator {
  private static final Duration RECORD_WITHIN = Duration.ofMillis(500);

  /** Of the time, commits of the adaptive size take one part in so many at most. */
  private static final int COMMITTING_SHARE = 10;

  private final GroupCommitter committer;
  private final OriginLog origins;
  private final ErrorLog errors;
  private final CommitGranularity granularity;
  private final Duration interval;
  private final BooleanSupplier stillOwner;
  private final Map<String, String> properties;
  private final Consumer<CommitOutcome> onCommit;
  private final LongSupplier nanoTime;

  private final List<StagedFragment> unrecorded = new ArrayList<>();
  private final List<StagedFragment> recorded = new ArrayList<>();
  private final Map<Integer, ColumnFileAttachment> committed = new HashMap<>();
  private final Map<Integer, Refusal> refused = new HashMap<>();
  private long firstUnrecordedAt;
  private long firstWaitingAt;
  private long groupEndedAt;
  private long groupNanos;
  private long fragments;
  private long bytes;
  private int commits;
  private long version;

  /**
   * @param properties written into each transaction
   * @param onCommit is told of each commit
   */
  public CommitCoordinator(
      GroupCommitter committer,
      OriginLog origins,
      ErrorLog errors,
      CommitSchedule schedule,
      Map<String, String> properties,
      BooleanSupplier stillOwner,
      Consumer<CommitOutcome> onCommit) {
    this.committer = committer;
    this.origins = origins;
    this.errors = errors;
    this.granularity = schedule.granularity();
    this.interval = schedule.interval();
    this.properties = Map.copyOf(properties);
    this.stillOwner = stillOwner;
    this.onCommit = onCommit;
    this.nanoTime = schedule.nanoTime();
  }

  /** Takes a finished fragment. */
  public void add(StagedFragment fragment) {
    long now = nanoTime.getAsLong();
    if (unrecorded.isEmpty()) {
      firstUnrecordedAt = now;
    }
    if (unrecorded.isEmpty() && recorded.isEmpty()) {
      firstWaitingAt = now;
    }
    unrecorded.add(fragment);
    fragments++;
    bytes += fragment.attachment().file().bytes();
  }

  /** Takes a finished fragment that an earlier job recorded already. */
  public void adopt(StagedFragment fragment) {
    if (unrecorded.isEmpty() && recorded.isEmpty()) {
      firstWaitingAt = nanoTime.getAsLong();
    }
    recorded.add(fragment);
    fragments++;
    bytes += fragment.attachment().file().bytes();
  }

  /** Records and commits what is due; called often. */
  public void tick() {
    long now = nanoTime.getAsLong();
    int waiting = unrecorded.size() + recorded.size();
    int group = granularity.next(fragments, bytes);
    boolean commitDue =
        (waiting >= group && rested(now))
            || (waiting > 0 && now - firstWaitingAt >= interval.toNanos());
    if (!unrecorded.isEmpty()
        && (commitDue || now - firstUnrecordedAt >= RECORD_WITHIN.toNanos())) {
      record();
    }
    if (!commitDue) {
      return;
    }
    while (commitDue && !recorded.isEmpty()) {
      commit(Math.min(granularity.most(group), recorded.size()));
      commitDue =
          recorded.size() >= group
              || (!recorded.isEmpty() && now - firstWaitingAt >= interval.toNanos());
    }
    groupEndedAt = nanoTime.getAsLong();
    groupNanos = groupEndedAt - now;
  }

  private boolean rested(long now) {
    return !granularity.adaptive()
        || groupNanos == 0
        || now - groupEndedAt >= (COMMITTING_SHARE - 1) * groupNanos;
  }

  /** Records and commits everything that waits. */
  public void flush() {
    record();
    while (!recorded.isEmpty()) {
      int group = granularity.most(granularity.next(fragments, bytes));
      commit(Math.min(group, recorded.size()));
    }
  }

  private void record() {
    if (!unrecorded.isEmpty()) {
      // First: a row that is known to have failed has its record.
      List<ErrorRecord> failed = unrecorded.stream().flatMap(f -> f.errors().stream()).toList();
      if (!failed.isEmpty()) {
        errors.append(failed);
      }
      origins.append(unrecorded.stream().map(StagedFragment::origin).toList());
      recorded.addAll(unrecorded);
      unrecorded.clear();
    }
  }

  private void commit(int count) {
    List<StagedFragment> group = List.copyOf(recorded.subList(0, count));
    CommitOutcome outcome;
    try {
      outcome =
          committer.commit(
              group.stream().map(StagedFragment::attachment).toList(), properties, stillOwner);
    } catch (ColumnGoneException e) {
      throw new BackfillException(
          BackfillErrorCode.COLUMN_DROPPED,
          e.getMessage() + " The job stops; nothing of it is left in the table.",
          e);
    } catch (LostOwnershipException e) {
      throw new BackfillException(
          BackfillErrorCode.LEASE_LOST,
          "Another driver has taken this column's job over while this one was silent for longer"
              + " than the lease allows. It goes on from what is finished; look at it with jobs.",
          e);
    } catch (CommitStateUnknownException e) {
      throw new BackfillException(BackfillErrorCode.COMMIT_STATE_UNKNOWN, e.getMessage(), e);
    } catch (CommitFailedException e) {
      throw new BackfillException(BackfillErrorCode.COMMIT_FAILED, e.getMessage(), e);
    }
    recorded.subList(0, count).clear();
    group.stream()
        .map(StagedFragment::attachment)
        .filter(file -> outcome.committed().contains(file.fragmentId()))
        .forEach(file -> committed.put(file.fragmentId(), file));
    firstWaitingAt = nanoTime.getAsLong();
    commits += outcome.commits();
    version = Math.max(version, outcome.version());
    refused.putAll(outcome.refused());
    onCommit.accept(outcome);
  }

  /** What this coordinator attached, by fragment. */
  public Map<Integer, ColumnFileAttachment> committed() {
    return committed;
  }

  /** Fragments whose file could not be attached, and why. */
  public Map<Integer, Refusal> refused() {
    return refused;
  }

  public int commits() {
    return commits;
  }

  /** Newest version that a commit made; 0 before the first. */
  public long version() {
    return version;
  }
}
