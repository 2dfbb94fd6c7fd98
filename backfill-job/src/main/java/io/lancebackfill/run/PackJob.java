package io.lancebackfill.run;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.TaskSpec;
import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/** A job of Spark's that runs packs of one RDD. */
final class PackJob {
  /**
   * Tasks that run together.
   *
   * @param partition of the RDD that runs them
   */
  record Pack(RDD<PackResult> rdd, int partition, List<TaskSpec> tasks) {}

  /** A pack that ended. */
  record Came(Pack pack, PackResult result) {}

  /** A pack for whose lost process Spark gave the job up. */
  record Lost(Pack pack, int stageId) {}

  /** As Spark begins the message of a job that somebody cancelled. */
  private static final Pattern CANCELLED = Pattern.compile("Job \\d+ cancelled");

  private static final Pattern LOST_TASK =
      Pattern.compile("(?s)Task (\\d+) in stage (\\d+)\\..*(ExecutorLostFailure|OutOfMemoryError)");

  private final SimpleFutureAction<BoxedUnit> action;
  private final List<Pack> packs;

  /** Those that came, by their place in the job. */
  private final Set<Integer> done;

  private PackJob(SimpleFutureAction<BoxedUnit> action, List<Pack> packs, Set<Integer> done) {
    this.action = action;
    this.packs = packs;
    this.done = done;
  }

  /**
   * Begins a job.
   *
   * @param packs of one RDD
   * @param results takes what ends, from a thread of Spark's
   */
  @SuppressWarnings({"unchecked", "rawtypes"}) // Scala's Seq of Int is one of Object to Java
  static PackJob submit(SparkContext context, List<Pack> packs, Queue<Came> results) {
    List<Integer> partitions = packs.stream().map(Pack::partition).toList();
    Set<Integer> done = ConcurrentHashMap.newKeySet();
    SimpleFutureAction<BoxedUnit> action =
        context.submitJob(
            packs.get(0).rdd(),
            new Only(),
            (scala.collection.Seq) JavaConverters.asScalaBuffer(partitions).toList(),
            new AbstractFunction2<Object, PackResult, BoxedUnit>() {
              @Override
              public BoxedUnit apply(Object place, PackResult result) {
                done.add((Integer) place);
                results.add(new Came(packs.get((Integer) place), result));
                return BoxedUnit.UNIT;
              }
            },
            new AbstractFunction0<BoxedUnit>() {
              @Override
              public BoxedUnit apply() {
                return BoxedUnit.UNIT;
              }
            });
    return new PackJob(action, packs, done);
  }

  boolean isOver() {
    return action.isCompleted();
  }

  boolean succeeded() {
    return action.isCompleted() && action.value().get().isSuccess();
  }

  /** How many packs did not come. */
  int undone() {
    return packs.size() - done.size();
  }

  /**
   * The pack for whose process Spark gave the job up, if it did.
   *
   * @throws BackfillException JOB_INTERRUPTED if somebody cancelled it; TASK_FAILED if it was given
   *     up for anything else
   */
  Optional<Lost> lost() {
    if (!action.isCompleted() || action.value().get().isSuccess()) {
      return Optional.empty();
    }
    Throwable cause = action.value().get().failed().get();
    String text = String.valueOf(cause.getMessage());
    if (CANCELLED.matcher(text).lookingAt()) {
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The job's tasks were cancelled: %s What was finished is kept and committed; the same call goes on from there."
              .formatted(firstLines(text)),
          cause);
    }
    Matcher lost = LOST_TASK.matcher(text);
    if (!lost.find()) {
      throw new BackfillException(
          BackfillErrorCode.TASK_FAILED,
          ("Spark gave the job's tasks up: %s What was finished is kept and committed; the same call"
                  + " goes on from there. If it happens again, look at the executors' logs.")
              .formatted(firstLines(text)),
          cause);
    }
    return Optional.of(
        new Lost(packs.get(Integer.parseInt(lost.group(1))), Integer.parseInt(lost.group(2))));
  }

  /** The head of Spark's message, and the innermost cause that it quotes from the executor. */
  private static String firstLines(String text) {
    String head = text.lines().limit(3).reduce("", (a, b) -> a + b.strip() + " ");
    return text.lines()
        .filter(line -> line.startsWith("Caused by: "))
        .reduce((a, b) -> b)
        .map(cause -> head + cause + " ")
        .orElse(head);
  }

  /** The one result that a partition's iterator has. */
  private static final class Only
      extends AbstractFunction1<scala.collection.Iterator<PackResult>, PackResult>
      implements Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public PackResult apply(scala.collection.Iterator<PackResult> results) {
      return results.next();
    }
  }
}
