package io.lancebackfill.pipeline;

import static io.lancebackfill.config.BackfillOptions.DRY_RUN;
import static io.lancebackfill.config.BackfillOptions.JOB_ID;
import static io.lancebackfill.config.BackfillOptions.MAX_FRAGMENTS;
import static io.lancebackfill.config.BackfillOptions.READ_VERSION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillCheck;
import io.lancebackfill.job.BackfillRequest;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.progress.ConsoleProgress;
import io.lancebackfill.progress.FollowedJob;
import io.lancebackfill.table.TableTarget;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;

/**
 * Fills several computed columns of one table, a job each, in an order in which each comes after
 * those that it reads. A column whose tasks run on executors of their own, such as a GPU function
 * over what a CPU function prepares, is computed while those that it reads still are: from
 * fragments that they have committed, without a shuffle in between. The first failure ends all;
 * what is finished is kept, and the same call goes on from there.
 */
public final class ColumnPipeline {
  private final SparkSession spark;
  private final TableTarget table;
  private final List<String> columns;
  private final Map<String, Object> options;

  /**
   * @param columns one or more; a group by one of its columns
   * @param options of each job, by option name
   */
  public ColumnPipeline(
      SparkSession spark, TableTarget table, List<String> columns, Map<String, Object> options) {
    this.spark = spark;
    this.table = table;
    this.columns = List.copyOf(columns);
    this.options = Map.copyOf(options);
  }

  /**
   * @return what each job did, in the order in which they began
   * @throws BackfillException for faults of any column before the first job, with a line for each;
   *     for whatever ends a job afterwards
   */
  public List<BackfillResult> run() {
    if (columns.size() == 1) {
      return List.of(
          new BackfillAction(spark, new BackfillRequest(table, columns.get(0), options)).run());
    }
    List<Stage> stages = inOrder(checked());
    boolean dryRun = stages.get(0).runs().conf().value(DRY_RUN);
    List<RunningStage> running = new ArrayList<>();
    try {
      for (Stage stage : stages) {
        for (RunningStage earlier : running) {
          Optional<String> why = stage.waitsFor(earlier.stage());
          if (dryRun || why.isPresent()) {
            if (!dryRun && !earlier.join()) {
              say(stage, earlier.stage(), why.get());
            }
            awaitAmong(running, earlier);
          }
        }
        running.add(start(stage, running));
      }
      for (RunningStage last : running) {
        awaitAmong(running, last);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The call was interrupted. What was finished is kept; the same call goes on from there.",
          e);
    } finally {
      end(running);
    }
    return running.stream().map(RunningStage::result).toList();
  }

  private static void say(Stage waiting, Stage earlier, String why) {
    System.err.println(
        "backfill %s: begins when that of %s has ended: %s"
            .formatted(waiting.column(), earlier.column(), why));
  }

  private RunningStage start(Stage stage, List<RunningStage> earlier) {
    List<FollowedJob> followed =
        earlier.stream()
            .filter(other -> stage.reads(other.stage()))
            .map(RunningStage::progress)
            .toList();
    FollowedJob progress = new FollowedJob(new ConsoleProgress(System.err));
    BackfillAction action =
        new BackfillAction(
            spark, new BackfillRequest(table, stage.column(), options, null, followed), progress);
    return RunningStage.start(stage, progress, action);
  }

  /** Waits for one; if another one fails meanwhile, no longer. */
  private static void awaitAmong(List<RunningStage> running, RunningStage awaited)
      throws InterruptedException {
    while (!awaited.join()) {
      running.forEach(RunningStage::throwIfFailed);
    }
    running.forEach(RunningStage::throwIfFailed);
  }

  /** Those that still run are interrupted: another one has failed. */
  private static void end(List<RunningStage> running) {
    running.forEach(RunningStage::interrupt);
    boolean interrupted = false;
    for (RunningStage stage : running) {
      interrupted |= stage.joinUninterruptibly();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private List<Stage> checked() {
    Faults faults = new Faults();
    Map<List<Integer>, Stage> stages = new LinkedHashMap<>();
    for (String column : columns) {
      BackfillCheck.Runs runs =
          faults.collect(() -> BackfillCheck.runs(spark, table, column, options));
      if (runs == null) {
        continue;
      }
      Stage stage = new Stage(column, runs);
      Stage other = stages.putIfAbsent(runs.column().fieldIds(), stage);
      if (other != null) {
        faults.add(
            BackfillErrorCode.INVALID_ARGUMENT,
            other.column().equals(column)
                ? "Column '%s' stands twice in 'columns'.".formatted(column)
                : "Columns '%s' and '%s' are of one group, which one function fills at once: name one of them."
                    .formatted(other.column(), column));
      }
    }
    for (Stage stage : stages.values()) {
      for (Stage other : stages.values()) {
        if (stage.reads(other) && stage.runs().conf().optional(READ_VERSION).isPresent()) {
          faults.add(
              BackfillErrorCode.INVALID_OPTION,
              "Column '%s' reads '%s', whose values of this call are in no version that read_version could name. Leave read_version out, or fill '%s' first, in a call of its own."
                  .formatted(stage.column(), other.column(), other.column()));
        }
      }
    }
    if (options.containsKey(JOB_ID.name())) {
      faults.add(
          BackfillErrorCode.INVALID_OPTION,
          "job_id is '%s', and %d columns are %d jobs with an id each. Leave it out, or name one column."
              .formatted(options.get(JOB_ID.name()), columns.size(), columns.size()));
    }
    faults.throwIfAny();
    return List.copyOf(stages.values());
  }

  /** Each after all that it reads; else as they were named. No column reads itself. */
  private static List<Stage> inOrder(List<Stage> named) {
    List<Stage> left = new ArrayList<>(named);
    List<Stage> ordered = new ArrayList<>();
    while (!left.isEmpty()) {
      Stage next =
          left.stream()
              .filter(stage -> left.stream().noneMatch(stage::reads))
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("columns read each other: " + named));
      left.remove(next);
      ordered.add(next);
    }
    return ordered;
  }

  /** One column of the call. */
  record Stage(String column, BackfillCheck.Runs runs) {
    boolean reads(Stage other) {
      return runs.column().inputs().stream()
          .anyMatch(
              input ->
                  other.runs.column().columns().stream()
                      .anyMatch(column -> column.name().equals(input)));
    }

    /** Why this one cannot be computed while an earlier one is, or empty if it can. */
    Optional<String> waitsFor(Stage earlier) {
      if (!hasOwnExecutors(earlier)) {
        return Optional.of("the same executors compute both");
      }
      if (!reads(earlier)) {
        return Optional.empty();
      }
      if (runs.conf().value(RECOMPUTE)) {
        return Optional.of("until then it would read values that recompute replaces");
      }
      return runs.conf()
          .optional(MAX_FRAGMENTS)
          .map(most -> "which %d fragments it gets is known then".formatted(most));
    }

    private boolean hasOwnExecutors(Stage other) {
      var mine = runs.resources().profile();
      var theirs = other.runs.resources().profile();
      return mine.isPresent() != theirs.isPresent()
          || (mine.isPresent() && !mine.get().resourcesEqual(theirs.orElseThrow()));
    }
  }
}
