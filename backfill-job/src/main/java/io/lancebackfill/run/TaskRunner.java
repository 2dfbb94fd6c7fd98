package io.lancebackfill.run;

import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.plan.SqlExecution;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * Runs a job's tasks on Spark and hands out each result as it comes. One thread submits and polls.
 */
public final class TaskRunner implements AutoCloseable {
  /** What computes the rows of a job: one of the two. */
  public record Computation(@Nullable Column expression, @Nullable ArrowFunction function) {
    public static Computation of(Column expression) {
      return new Computation(expression, null);
    }

    public static Computation of(ArrowFunction function) {
      return new Computation(null, function);
    }
  }

  private static final List<String> JOB_GROUP_PROPERTIES =
      List.of("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel");

  private final SparkContext context;
  private final BackfillStage stage;
  private final Computation computation;
  private final String jobGroup;
  private final String description;
  private final int concurrency;
  private final BlockingQueue<TaskResult> results = new LinkedBlockingQueue<>();
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private final List<SimpleFutureAction<BoxedUnit>> running = new ArrayList<>();
  private int inFlight;

  private record Waiting(RDD<TaskResult> rdd, int partition) {}

  /**
   * @param concurrency tasks submitted at once; 0 for as many as there are
   */
  public TaskRunner(
      SparkSession spark,
      JobTasks stage,
      Computation computation,
      LiveRows live,
      int concurrency,
      String description) {
    this.context = spark.sparkContext();
    this.stage = new BackfillStage(spark, stage, live);
    this.computation = computation;
    this.jobGroup = stage.jobId();
    this.description = description;
    this.concurrency = concurrency;
  }

  /**
   * Submits the tasks, then runs {@code body}, which polls until nothing is outstanding.
   *
   * @param inputs the version whose inputs the tasks read
   */
  public <T> T run(TableSnapshot inputs, List<TaskSpec> tasks, Supplier<T> body) {
    List<TaskSpec> assembling =
        tasks.stream().filter(t -> t.kind() == TaskSpec.Kind.ASSEMBLE).toList();
    List<TaskSpec> computing =
        tasks.stream().filter(t -> t.kind() != TaskSpec.Kind.ASSEMBLE).toList();
    Map<String, @Nullable String> before = jobGroupOfCaller();
    context.setJobGroup(jobGroup, description, false);
    try {
      if (!assembling.isEmpty()) {
        submit(stage.assembling(assembling), assembling.size());
      }
      if (computing.isEmpty()) {
        return body.get();
      }
      if (computation.function() != null) {
        submit(stage.applying(computing, computation.function()), computing.size());
        return body.get();
      }
      Column expression = computation.expression();
      if (expression == null) {
        throw new IllegalStateException("a job needs an expression or a function");
      }
      Dataset<Row> query = stage.query(inputs, computing, expression);
      return SqlExecution.run(
          query,
          description,
          () -> {
            submit(stage.evaluating(query, computing), computing.size());
            return body.get();
          });
    } finally {
      before.forEach(context::setLocalProperty);
    }
  }

  /** The properties that setJobGroup changes; null values take them away again. */
  private Map<String, @Nullable String> jobGroupOfCaller() {
    Map<String, @Nullable String> properties = new HashMap<>();
    for (String key : JOB_GROUP_PROPERTIES) {
      properties.put(key, context.getLocalProperty(key));
    }
    return properties;
  }

  /** Submits the task that puts the computed ranges of a fragment into its column file. */
  public void assemble(FragmentPlan fragment, List<TaskSpec.CheckpointUse> ranges) {
    submit(stage.assembling(List.of(TaskCutter.assemble(fragment, ranges))), 1);
  }

  /** Tasks whose results have not come yet. */
  public int outstanding() {
    return inFlight + waiting.size() + results.size();
  }

  /**
   * The next result, if one comes in time.
   *
   * @throws BackfillException TASK_FAILED if Spark gave tasks up
   */
  public Optional<TaskResult> poll(Duration patience) {
    TaskResult result;
    try {
      result = results.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackfillException(
          BackfillErrorCode.TASK_FAILED,
          "The job was interrupted. What was finished is kept; the same call goes on from there.",
          e);
    }
    if (result == null) {
      failIfSparkGaveUp();
      return Optional.empty();
    }
    inFlight--;
    submitWaiting();
    return Optional.of(result);
  }

  /** Submits nothing more; tasks that run are left to end. Returns how many were held back. */
  public int holdBack() {
    int held = waiting.size();
    waiting.clear();
    return held;
  }

  private void submit(RDD<TaskResult> rdd, int partitions) {
    if (concurrency == 0) {
      List<Integer> all = new ArrayList<>();
      for (int i = 0; i < partitions; i++) {
        all.add(i);
      }
      submit(rdd, all);
    } else {
      for (int i = 0; i < partitions; i++) {
        waiting.add(new Waiting(rdd, i));
      }
      submitWaiting();
    }
  }

  private void submitWaiting() {
    while (!waiting.isEmpty() && inFlight < concurrency) {
      Waiting next = waiting.remove();
      submit(next.rdd(), List.of(next.partition()));
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // Scala's Seq of Int is one of Object to Java
  private void submit(RDD<TaskResult> rdd, List<Integer> partitions) {
    inFlight += partitions.size();
    running.removeIf(action -> action.isCompleted() && action.value().get().isSuccess());
    running.add(
        context.submitJob(
            rdd,
            new Only(),
            (scala.collection.Seq) JavaConverters.asScalaBuffer(partitions).toList(),
            new AbstractFunction2<Object, TaskResult, BoxedUnit>() {
              @Override
              public BoxedUnit apply(Object partition, TaskResult result) {
                results.add(result);
                return BoxedUnit.UNIT;
              }
            },
            new AbstractFunction0<BoxedUnit>() {
              @Override
              public BoxedUnit apply() {
                return BoxedUnit.UNIT;
              }
            }));
  }

  private void failIfSparkGaveUp() {
    for (SimpleFutureAction<BoxedUnit> action : running) {
      if (action.isCompleted() && action.value().get().isFailure()) {
        Throwable cause = action.value().get().failed().get();
        throw new BackfillException(
            BackfillErrorCode.TASK_FAILED,
            ("Spark gave the job's tasks up: %s What was finished is kept and committed; the same call"
                    + " goes on from there. If it happens again, look at the executors' logs.")
                .formatted(firstLines(String.valueOf(cause.getMessage()))),
            cause);
      }
    }
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

  /** Ends what still runs. */
  @Override
  public void close() {
    waiting.clear();
    if (running.stream().anyMatch(action -> !action.isCompleted())) {
      context.cancelJobGroup(jobGroup);
    }
  }

  /** The one result that a task's iterator has. */
  private static final class Only
      extends AbstractFunction1<scala.collection.Iterator<TaskResult>, TaskResult>
      implements Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public TaskResult apply(scala.collection.Iterator<TaskResult> results) {
      return results.next();
    }
  }
}
