package io.lancebackfill.run;

import io.lancebackfill.compute.Computation;
import io.lancebackfill.compute.Computation.OfExpression;
import io.lancebackfill.compute.Computation.OfFunction;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.coverage.SqlExecution;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.run.PackJob.Pack;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
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
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * Runs a job's tasks on Spark and hands out each result as it comes. One thread submits and polls.
 */
public final class TaskRunner implements AutoCloseable {
  private static final List<String> JOB_GROUP_PROPERTIES =
      List.of("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel");

  /** How long a task that met another one where it is to be alone waits for its next try. */
  private static final Duration ANOTHER_TRY = Duration.ofMillis(200);

  /** So many packs of several tasks are with Spark at most. */
  private static final int PACKS_AHEAD_PER_SLOT = 4;

  /** Tasks whose time tells how many others make a pack. */
  private static final int TRIED_PER_SLOT = 2;

  private final SparkContext context;
  private final BackfillStage stage;
  private final List<TableColumn> columns;
  private final Computation computation;
  private final String jobGroup;
  private final String description;
  private final Admission admission;
  private final Optional<ResourceProfile> profile;
  private final StartTimes start;
  private final boolean alone;
  private final LostAttempts lostAttempts;
  private final BlockingQueue<PackJob.Came> results = new LinkedBlockingQueue<>();
  private final Deque<Pack> waiting = new ArrayDeque<>();
  private final Deque<TaskSpec> unpacked = new ArrayDeque<>();
  private final Deque<TaskResult> ready = new ArrayDeque<>();
  private final List<PackJob> running = new ArrayList<>();
  private final TaskPacker packer;
  private Function<List<List<TaskSpec>>, RDD<PackResult>> computing = packs -> unknown();
  private int inFlight;
  private boolean gaveUp;
  private boolean heldBack;
  private boolean oneAtATime;
  private long notBefore = System.nanoTime();

  /**
   * Where the tasks run, and how many of them at once.
   *
   * @param profile of the tasks that compute rows; empty for the session's own
   * @param description of Spark's jobs, for its UI
   * @param start is told what the first tasks waited for
   */
  public record Place(
      Admission admission,
      Optional<ResourceProfile> profile,
      String description,
      StartTimes start) {}

  public TaskRunner(
      SparkSession spark, JobTasks stage, Computation computation, LiveRows live, Place place) {
    this.context = spark.sparkContext();
    this.stage = new BackfillStage(spark, stage, live);
    this.columns = stage.columns();
    this.computation = computation;
    this.jobGroup = stage.jobId();
    this.description = place.description();
    this.admission = place.admission();
    this.profile = place.profile();
    this.start = place.start();
    this.alone = stage.alone();
    this.packer = new TaskPacker(admission.slots(), computation.isPython());
    this.lostAttempts = new LostAttempts(jobGroup, context.master().startsWith("k8s"));
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
        List<List<TaskSpec>> packs = assembling.stream().map(List::of).toList();
        submit(stage.assembling(packs), packs);
      }
      if (computing.isEmpty()) {
        return body.get();
      }
      unpacked.addAll(computing);
      if (computation instanceof OfFunction function) {
        return begin(packs -> stage.applying(inputs, packs, function), body);
      }
      return evaluate(inputs, (OfExpression) computation, body);
    } finally {
      before.forEach(context::setLocalProperty);
    }
  }

  private <T> T begin(Function<List<List<TaskSpec>>, RDD<PackResult>> how, Supplier<T> body) {
    computing = how;
    packAndSubmit();
    return body.get();
  }

  private <T> T evaluate(TableSnapshot inputs, OfExpression value, Supplier<T> body) {
    Optional<TableColumn> copied =
        PlainColumn.of(value.expression(), inputs, value.inputs(), columns);
    Requirements required = value.requirements().reading(inputs, value.inputs());
    if (copied.isPresent()) {
      return begin(packs -> stage.copying(packs, copied.get(), required), body);
    }
    computing = packs -> stage.evaluating(stage.query(inputs, packs, value), packs, required);
    List<List<TaskSpec>> first = pack();
    Dataset<Row> query = stage.query(inputs, first, value);
    return SqlExecution.run(
        query,
        description,
        () -> {
          submit(withResources(stage.evaluating(query, first, required)), first);
          return body.get();
        });
  }

  private static RDD<PackResult> unknown() {
    throw new IllegalStateException("nothing is to be computed yet");
  }

  /** Takes the tasks to be submitted next, packed: all of them, or some to be tried. */
  private List<List<TaskSpec>> pack() {
    List<TaskSpec> next = new ArrayList<>();
    boolean small = unpacked.stream().anyMatch(task -> packer.isSmall(task));
    int most = packer.trying() && small ? TRIED_PER_SLOT * admission.slots() : unpacked.size();
    while (!unpacked.isEmpty() && next.size() < most) {
      next.add(unpacked.remove());
    }
    return alone || admission.recording()
        ? next.stream().map(List::of).toList()
        : packer.pack(next);
  }

  private void packAndSubmit() {
    List<List<TaskSpec>> packs = pack();
    submit(computation(packs), packs);
  }

  private RDD<PackResult> computation(List<List<TaskSpec>> packs) {
    return withResources(computing.apply(packs));
  }

  private RDD<PackResult> withResources(RDD<PackResult> rdd) {
    return profile.isPresent() ? rdd.withResources(profile.get()) : rdd;
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
    List<List<TaskSpec>> pack = List.of(List.of(TaskCutter.assemble(fragment, ranges)));
    submit(stage.assembling(pack), pack);
  }

  /** How much there is yet to come: 0 if all results have been handed out. */
  public int outstanding() {
    return inFlight + waiting.size() + unpacked.size() + results.size() + ready.size();
  }

  /**
   * The next result, if one comes in time.
   *
   * @throws BackfillException TASK_FAILED if Spark gave tasks up, but not for a lost process;
   *     JOB_INTERRUPTED if this thread is interrupted, or somebody cancelled the tasks
   */
  public Optional<TaskResult> poll(Duration patience) {
    if (!ready.isEmpty()) {
      return Optional.of(ready.remove());
    }
    submitWaiting();
    try {
      PackJob.Came came = results.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
      if (came == null) {
        lostIfSparkGaveUp();
      } else {
        accept(came);
      }
      return Optional.ofNullable(ready.poll());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The job was interrupted. What was finished is kept; the same call goes on from there.",
          e);
    }
  }

  private void accept(PackJob.Came came) throws InterruptedException {
    inFlight--;
    start.came(came.result(), context, profile);
    Pack pack = came.pack();
    List<TaskResult> of = came.result().results();
    TaskResult.Declined declined = of.isEmpty() ? null : of.get(0).declined();
    if (declined != null) {
      if (declined.notAlone()) {
        notBefore = System.nanoTime() + ANOTHER_TRY.toNanos();
        again(pack);
      } else {
        earlierAttempt(pack, declined.stageId());
      }
      return;
    }
    packer.took(of.size(), came.result().nanos());
    ready.addAll(of);
    List<TaskSpec> others = pack.tasks().subList(of.size(), pack.tasks().size());
    if (!others.isEmpty() && !heldBack) {
      if (came.result().apart()) {
        // First of all: if it fails again, nothing more is begun.
        List<List<TaskSpec>> each = others.stream().map(List::of).toList();
        RDD<PackResult> rdd = computation(each);
        for (int i = each.size() - 1; i >= 0; i--) {
          waiting.addFirst(new Pack(rdd, i, each.get(i)));
        }
      } else {
        unpacked.addAll(others);
      }
    }
    admission.finished(of.size());
    if (!alone
        && of.stream().allMatch(result -> result.fault() == null || result.lost().isPresent())) {
      // At once, that no slot stays idle. After another fault the job ends, and nothing more is
      // begun; of those that are to be alone, the next one when the caller has dealt with this.
      submitWaiting();
    }
  }

  /** The pack's first attempt came to nothing. The job plans its fragments again, or gives up. */
  private void earlierAttempt(Pack pack, int stageId) throws InterruptedException {
    ProcessLoss loss = lostAttempts.of(stageId, pack.partition());
    if (alone
        && loss.cause() != ProcessLoss.Cause.CLUSTER
        && lostAttempts.inCompany(stageId, pack.partition())) {
      // One of them was about to decline, and which one is not known.
      oneAtATime = true;
      again(pack);
    } else {
      pack.tasks().forEach(t -> ready.add(TaskResult.lost(t.fragmentId(), loss)));
    }
  }

  private void again(Pack pack) {
    if (!heldBack) {
      waiting.add(pack);
    }
  }

  /** Submits nothing more; tasks that run are left to end. */
  public void holdBack() {
    heldBack = true;
    waiting.clear();
    unpacked.clear();
  }

  /** Whether Spark gave a job up for a lost process: tasks are left that no result came of. */
  public boolean gaveUp() {
    return gaveUp;
  }

  private void submit(RDD<PackResult> rdd, List<List<TaskSpec>> packs) {
    for (int i = 0; i < packs.size(); i++) {
      waiting.add(new Pack(rdd, i, packs.get(i)));
    }
    submitWaiting();
  }

  private void submitWaiting() {
    if (waiting.isEmpty() && !unpacked.isEmpty() && inFlight < admission.slots()) {
      packAndSubmit();
      return;
    }
    while (!waiting.isEmpty() && System.nanoTime() >= notBefore) {
      int room = roomFor(waiting.element());
      if (room <= 0) {
        return;
      }
      RDD<PackResult> rdd = waiting.element().rdd();
      List<Pack> next = new ArrayList<>();
      int most = alone ? 1 : room; // A Spark job each, that no task ends with another's.
      while (next.size() < most && !waiting.isEmpty() && waiting.element().rdd() == rdd) {
        next.add(waiting.remove());
      }
      admission.begin(
          next.stream().flatMap(p -> p.tasks().stream()).map(TaskSpec::fragmentId).toList());
      inFlight += next.size();
      start.submitting();
      running.removeIf(PackJob::succeeded);
      running.add(PackJob.submit(context, next, results));
    }
  }

  private int roomFor(Pack next) {
    int room = admission.room(inFlight);
    if (alone) {
      return Math.min(room, (oneAtATime ? 1 : processes(context)) - inFlight);
    }
    if (next.tasks().size() == 1) {
      return room;
    }
    // Spark runs jobs in their order: a task that failed in a pack is to be run again soon.
    int ahead = PACKS_AHEAD_PER_SLOT * admission.slots();
    return inFlight > ahead / 2 ? 0 : Math.min(room, ahead - inFlight);
  }

  /** With few attempts of a task allowed, Spark gives the whole job up when a process is lost. */
  private void lostIfSparkGaveUp() throws InterruptedException {
    for (PackJob job : running) {
      Optional<PackJob.Lost> lost = job.lost();
      if (lost.isPresent()) {
        running.remove(job);
        inFlight -= job.undone();
        gaveUp = true;
        earlierAttempt(lost.get().pack(), lost.get().stageId());
        return;
      }
    }
  }

  /** Ends what still runs. */
  @Override
  public void close() {
    waiting.clear();
    unpacked.clear();
    context.removeSparkListener(lostAttempts);
    if (running.stream().anyMatch(job -> !job.isOver())) {
      context.cancelJobGroup(jobGroup);
    }
  }
}
