package io.lancebackfill.run;

import io.lancebackfill.coverage.SqlExecution;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.task.ArrowFunction;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
  /**
   * What computes the rows of a job: an expression or a function.
   *
   * @param inputs how it names the columns that it reads
   */
  public record Computation(
      @Nullable Column expression, @Nullable ArrowFunction function, DeclaredInputs inputs) {
    public static Computation of(Column expression, DeclaredInputs inputs) {
      return new Computation(expression, null, inputs);
    }

    public static Computation of(ArrowFunction function, DeclaredInputs inputs) {
      return new Computation(null, function, inputs);
    }

    /** The name in the expression's struct of a column of a group. */
    public static String member(int position) {
      return "member_" + position;
    }
  }

  private static final List<String> JOB_GROUP_PROPERTIES =
      List.of("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel");

  /** How long a task that met another one where it is to be alone waits for its next try. */
  private static final Duration ANOTHER_TRY = Duration.ofMillis(200);

  /** As Spark begins the message of a job that somebody cancelled. */
  private static final Pattern CANCELLED = Pattern.compile("Job \\d+ cancelled");

  private static final Pattern LOST_TASK =
      Pattern.compile("(?s)Task (\\d+) in stage (\\d+)\\..*(ExecutorLostFailure|OutOfMemoryError)");

  private final SparkContext context;
  private final BackfillStage stage;
  private final Computation computation;
  private final String jobGroup;
  private final String description;
  private final Admission admission;
  private final boolean alone;
  private final LostAttempts lostAttempts;
  private final BlockingQueue<Came> results = new LinkedBlockingQueue<>();
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private final List<Submitted> running = new ArrayList<>();
  private int inFlight;
  private boolean gaveUp;
  private boolean heldBack;
  private boolean oneAtATime;
  private long notBefore = System.nanoTime();

  private record Waiting(RDD<TaskResult> rdd, int partition, TaskSpec task) {}

  private record Came(Waiting task, TaskResult result) {}

  /** A Spark job, and which of its tasks, by their place in it, have come back. */
  private record Submitted(
      SimpleFutureAction<BoxedUnit> action, List<Waiting> tasks, Set<Integer> done) {}

  public TaskRunner(
      SparkSession spark,
      JobTasks stage,
      Computation computation,
      LiveRows live,
      Admission admission,
      String description) {
    this.context = spark.sparkContext();
    this.stage = new BackfillStage(spark, stage, live);
    this.computation = computation;
    this.jobGroup = stage.jobId();
    this.description = description;
    this.admission = admission;
    this.alone = stage.alone();
    this.lostAttempts = new LostAttempts(jobGroup);
    context.addSparkListener(lostAttempts);
  }

  /** Processes that run tasks now; where the driver's does, it alone. */
  public static int processes(SparkContext context) {
    return context.isLocal()
        ? 1
        : Math.max(1, context.statusTracker().getExecutorInfos().length - 1); // and the driver
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
        submit(stage.assembling(assembling), assembling);
      }
      if (computing.isEmpty()) {
        return body.get();
      }
      if (computation.function() != null) {
        submit(stage.applying(inputs, computing, computation), computing);
        return body.get();
      }
      Column expression = computation.expression();
      if (expression == null) {
        throw new IllegalStateException("a job needs an expression or a function");
      }
      Optional<RDD<TaskResult>> copying =
          stage.copying(inputs, computing, expression, computation.inputs());
      if (copying.isPresent()) {
        submit(copying.get(), computing);
        return body.get();
      }
      Dataset<Row> query = stage.query(inputs, computing, expression, computation.inputs());
      return SqlExecution.run(
          query,
          description,
          () -> {
            submit(stage.evaluating(query, computing), computing);
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
    List<TaskSpec> task = List.of(TaskCutter.assemble(fragment, ranges));
    submit(stage.assembling(task), task);
  }

  /** Tasks whose results have not come yet. */
  public int outstanding() {
    return inFlight + waiting.size() + results.size();
  }

  /**
   * The next result, if one comes in time.
   *
   * @throws BackfillException TASK_FAILED if Spark gave tasks up, but not for a lost process;
   *     JOB_INTERRUPTED if this thread is interrupted, or somebody cancelled the tasks
   */
  public Optional<TaskResult> poll(Duration patience) {
    submitWaiting();
    try {
      Came came = results.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
      return came == null ? lostIfSparkGaveUp() : accepted(came);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The job was interrupted. What was finished is kept; the same call goes on from there.",
          e);
    }
  }

  private Optional<TaskResult> accepted(Came came) throws InterruptedException {
    inFlight--;
    TaskResult result = came.result();
    TaskResult.Declined declined = result.declined();
    if (declined != null) {
      if (declined.notAlone()) {
        notBefore = System.nanoTime() + ANOTHER_TRY.toNanos();
        return again(came.task());
      }
      return earlierAttempt(came.task(), declined.stageId());
    }
    admission.finished();
    if (!alone && (result.fault() == null || result.isLost())) {
      // At once, that no slot stays idle. After another fault the job ends, and nothing more is
      // begun; of those that are to be alone, the next one when the caller has dealt with this.
      submitWaiting();
    }
    return Optional.of(result);
  }

  /** The task's first attempt came to nothing: lost by its own doing, or to be run again. */
  private Optional<TaskResult> earlierAttempt(Waiting task, int stageId)
      throws InterruptedException {
    LostAttempts.Loss loss = lostAttempts.of(stageId, task.partition());
    if (!loss.counts()) {
      return again(task);
    }
    if (alone && lostAttempts.inCompany(stageId, task.partition())) {
      // One of them was about to decline, and which one is not known.
      oneAtATime = true;
      return again(task);
    }
    return Optional.of(TaskResult.lost(task.partition(), task.task().fragmentId(), loss.reason()));
  }

  private Optional<TaskResult> again(Waiting task) {
    if (!heldBack) {
      waiting.add(task);
    }
    return Optional.empty();
  }

  /** Submits nothing more; tasks that run are left to end. Returns how many were held back. */
  public int holdBack() {
    heldBack = true;
    int held = waiting.size();
    waiting.clear();
    return held;
  }

  /** Whether Spark gave a job up for a lost process: tasks are left that no result came of. */
  public boolean gaveUp() {
    return gaveUp;
  }

  private void submit(RDD<TaskResult> rdd, List<TaskSpec> tasks) {
    for (int i = 0; i < tasks.size(); i++) {
      waiting.add(new Waiting(rdd, i, tasks.get(i)));
    }
    submitWaiting();
  }

  private void submitWaiting() {
    int room = waiting.isEmpty() || System.nanoTime() < notBefore ? 0 : room();
    while (room > 0 && !waiting.isEmpty()) {
      RDD<TaskResult> rdd = waiting.element().rdd();
      List<Waiting> next = new ArrayList<>();
      int most = alone ? 1 : room; // A Spark job each, that no task ends with another's.
      while (next.size() < most && !waiting.isEmpty() && waiting.element().rdd() == rdd) {
        next.add(waiting.remove());
      }
      room -= next.size();
      admission.begin(next.stream().map(task -> task.task().fragmentId()).toList());
      submit(next);
    }
  }

  private int room() {
    int room = admission.room(inFlight);
    return alone ? Math.min(room, (oneAtATime ? 1 : processes(context)) - inFlight) : room;
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // Scala's Seq of Int is one of Object to Java
  private void submit(List<Waiting> tasks) {
    inFlight += tasks.size();
    running.removeIf(job -> job.action().isCompleted() && job.action().value().get().isSuccess());
    List<Integer> partitions = tasks.stream().map(Waiting::partition).toList();
    Set<Integer> done = ConcurrentHashMap.newKeySet();
    SimpleFutureAction<BoxedUnit> action =
        context.submitJob(
            tasks.get(0).rdd(),
            new Only(),
            (scala.collection.Seq) JavaConverters.asScalaBuffer(partitions).toList(),
            new AbstractFunction2<Object, TaskResult, BoxedUnit>() {
              @Override
              public BoxedUnit apply(Object place, TaskResult result) {
                done.add((Integer) place);
                results.add(new Came(tasks.get((Integer) place), result));
                return BoxedUnit.UNIT;
              }
            },
            new AbstractFunction0<BoxedUnit>() {
              @Override
              public BoxedUnit apply() {
                return BoxedUnit.UNIT;
              }
            });
    running.add(new Submitted(action, tasks, done));
  }

  /** With few attempts of a task allowed, Spark gives the whole job up when a process is lost. */
  private Optional<TaskResult> lostIfSparkGaveUp() throws InterruptedException {
    for (Submitted job : running) {
      SimpleFutureAction<BoxedUnit> action = job.action();
      if (action.isCompleted() && action.value().get().isFailure()) {
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
        running.remove(job);
        inFlight -= job.tasks().size() - job.done().size();
        gaveUp = true;
        Waiting task = job.tasks().get(Integer.parseInt(lost.group(1)));
        return earlierAttempt(task, Integer.parseInt(lost.group(2)));
      }
    }
    return Optional.empty();
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
    context.removeSparkListener(lostAttempts);
    if (running.stream().anyMatch(job -> !job.action().isCompleted())) {
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
