package io.lancebackfill.job;

import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.report.HeldBackNote;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.TableTarget;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * How a job's rounds ended.
 *
 * @param version the newest version that they saw or made
 * @param everyRow whether every row that needed a value, and was selected, has one
 * @param complete whether nothing at all is left to do in {@code version}
 * @param covered whether no row of {@code version} is yet to be computed; failed ones are NULL
 * @param message what is not included and why; may be empty
 */
record JobOutcome(
    JobStatus status,
    long version,
    boolean everyRow,
    boolean complete,
    boolean covered,
    String message) {

  /**
   * What the rounds left behind.
   *
   * @param refused fragments that were left as they are
   * @param losses has the fragments that take processes down
   * @param rowsFailed rows that are NULL since the function failed on them
   */
  record Left(Map<Integer, Refusal> refused, FragmentLosses losses, long rowsFailed) {}

  /**
   * @param plan the last round's
   * @param whole whether the job looked at every row of {@code version}: of those that it read, and
   *     its own commits
   */
  static JobOutcome of(
      TableTarget table, BackfillPlan plan, long version, Left left, boolean whole) {
    Map<Integer, Refusal> refused = left.refused();
    Set<Integer> setAside = left.losses().setAside();
    StringBuilder message = new StringBuilder();
    Set<Integer> outOfMemory = left.losses().outOfMemory();
    Set<Integer> crashed = new TreeSet<>(setAside);
    crashed.removeAll(outOfMemory);
    if (!crashed.isEmpty()) {
      message.append(
          "[%s] Fragments %s are set aside: each took two processes with it. The next call tries them again. "
              .formatted(BackfillErrorCode.PROCESS_LOST, crashed));
    }
    if (!outOfMemory.isEmpty()) {
      message.append(
          "[%s] Fragments %s are set aside: each ran two processes out of memory. %s The next call tries them again. "
              .formatted(
                  BackfillErrorCode.EXECUTOR_OUT_OF_MEMORY,
                  outOfMemory,
                  FragmentLosses.MORE_MEMORY));
    }
    if (left.rowsFailed() > 0) {
      message.append(
          "%d rows are NULL, since the function failed on them; errors lists them, and retry_errors or the next call computes them again. "
              .formatted(left.rowsFailed()));
    }
    if (plan.fragmentsAppended() > 0) {
      message.append(
          "%d fragments were appended after the version that was read and are not included. "
              .formatted(plan.fragmentsAppended()));
    }
    if (!refused.isEmpty()) {
      message.append(
          "%d fragments changed after the version that was read and were left as they are: %s. "
              .formatted(refused.size(), refused));
    }
    if (plan.unknownRows() > 0) {
      message.append(
          "%d rows hold values of unknown origin, which no record in %s explains, and were kept; recompute_unknown computes them. "
              .formatted(plan.unknownRows(), new TableState(table.ref()).columns().display()));
    }
    if (plan.fragmentsLeft() > 0) {
      message.append(
          "%d fragments are left behind max_fragments. ".formatted(plan.fragmentsLeft()));
    }
    message.append(HeldBackNote.of(table, plan.heldBack()));
    boolean everyRow =
        plan.fragmentsLeft() == 0
            && refused.isEmpty()
            && plan.heldBack().isEmpty()
            && setAside.isEmpty();
    boolean covered = everyRow && whole && plan.fragmentsAppended() == 0;
    return new JobOutcome(
        plan.fragmentsLeft() > 0
            ? JobStatus.PAUSED
            : setAside.isEmpty() && left.rowsFailed() == 0
                ? JobStatus.DONE
                : JobStatus.DONE_WITH_ERRORS,
        version,
        everyRow,
        covered && left.rowsFailed() == 0 && plan.unknownRows() == 0,
        covered,
        message.toString().strip());
  }

  static BackfillException refusedTooOften(Map<Integer, Refusal> refused, int rounds) {
    boolean gone = refused.containsValue(Refusal.FRAGMENT_GONE);
    return new BackfillException(
        gone ? BackfillErrorCode.FRAGMENT_REWRITTEN : BackfillErrorCode.INPUT_CHANGED,
        "%d fragments were changed by others in each of %d attempts: %s. The other fragments are committed. Run the call again when the other writer is quiet."
            .formatted(refused.size(), rounds, refused));
  }
}
