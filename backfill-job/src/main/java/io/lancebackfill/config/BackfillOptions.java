package io.lancebackfill.config;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/** Every option of a backfill, one constant each. */
public final class BackfillOptions {
  private static final Pattern JOB_ID_PATTERN = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  private static final List<String> ATTACH_VALUES = List.of("auto", "update", "shadow_column");

  private static final List<String> BATCH_ORDERS = List.of("auto", "row");

  public static final ConfigOption<String> WHERE =
      ConfigOption.string(
              "where",
              "Narrows the rows that need computing; a condition in Spark SQL, evaluated at the"
                  + " version that is read.")
          .range("that is not blank", text -> !text.isBlank())
          .without("every row that needs computing");

  public static final ConfigOption<Boolean> RECOMPUTE =
      ConfigOption.bool("recompute", "Also computes rows whose values are fresh.").defaultTo(false);

  public static final ConfigOption<Boolean> RECOMPUTE_UNKNOWN =
      ConfigOption.bool("recompute_unknown", "Also computes rows whose origin is unknown.")
          .defaultTo(false);

  public static final ConfigOption<Integer> MAX_FRAGMENTS =
      ConfigOption.integer("max_fragments", "Computes that many fragments at most, then stops.")
          .range("of 1 or more", BackfillOptions::positive)
          .without("all");

  public static final ConfigOption<Long> READ_VERSION =
      ConfigOption.longInteger(
              "read_version", "The table version whose inputs are read; commits go to the newest.")
          .range("of 1 or more", version -> version > 0)
          .without("the latest");

  public static final ConfigOption<Boolean> DRY_RUN =
      ConfigOption.bool("dry_run", "Plans only, and writes nothing.").defaultTo(false);

  public static final ConfigOption<Integer> CONCURRENCY =
      ConfigOption.integer("concurrency", "Tasks that run at once, at most.")
          .range("of 1 or more", BackfillOptions::positive)
          .without("every slot");

  public static final ConfigOption<Integer> BATCH_SIZE =
      ConfigOption.integer("batch_size", "Rows that the function gets at a time.")
          .range("of 1 or more", BackfillOptions::positive)
          .without("adaptive");

  public static final ConfigOption<String> BATCH_ORDER =
      ConfigOption.string(
              "batch_order",
              "Which rows a Python function gets together: 'row', those that follow each other;"
                  + " 'auto', where texts, bytes or lists differ in length, those of like length, so"
                  + " that a model pads them little. Values stand in their rows either way.")
          .range("'auto' or 'row'", BATCH_ORDERS::contains)
          .without("'auto'; 'row' where batch_size is given");

  public static final ConfigOption<Integer> INTRA_APPLIER_CONCURRENCY =
      ConfigOption.integer(
              "intra_applier_concurrency",
              "Threads in which a Python function runs within a task, for functions that wait.")
          .range("from 1 to 256", threads -> threads >= 1 && threads <= 256)
          .without("1, or as many as `num_cpus` below 1 makes of a CPU");

  public static final ConfigOption<Double> NUM_CPUS =
      ConfigOption.decimal(
              "num_cpus",
              "CPUs of a task. Below 1, a task of one CPU runs several parts of a batch at once;"
                  + " above 1, a cluster rounds up.")
          .range("over 0", cpus -> cpus > 0 && cpus <= 1024)
          .defaultTo(1.0);

  public static final ConfigOption<Double> NUM_GPUS =
      ConfigOption.decimal(
              "num_gpus",
              "GPUs of a task, or a part of one that it shares with other tasks. Their addresses"
                  + " are in CUDA_VISIBLE_DEVICES before a Python function is loaded.")
          .range("of 0 or more", gpus -> gpus >= 0 && gpus <= 1024)
          .defaultTo(0.0);

  public static final ConfigOption<String> MEMORY =
      ConfigOption.string(
              "memory",
              "Memory that a task takes beside the executor's own, such as a loaded model: no more"
                  + " tasks run at once in an executor than it has room for.")
          .range("that is a size such as '2g' or '512m'", FunctionNeeds::isSize)
          .without("not counted");

  public static final ConfigOption<String> CLUSTER =
      ConfigOption.string(
              "cluster",
              "The cluster, by its definition's name, that the function's tasks run on: in the"
                  + " smallest worker group that has what it asks for.")
          .range("that is not blank", text -> !text.isBlank())
          .without("what the session has");

  public static final ConfigOption<String> WORKER_GROUP =
      ConfigOption.string(
              "worker_group",
              "The worker group of the cluster to take, also one with GPUs for a function without.")
          .range("that is not blank", text -> !text.isBlank())
          .without("the smallest that fits");

  public static final ConfigOption<Duration> ADMISSION_TIMEOUT =
      ConfigOption.duration(
              "admission_timeout",
              "How long the job waits without any executor that can run its tasks, before it fails"
                  + " with what keeps them from it.")
          .range("of 1s or more", timeout -> timeout.toMillis() >= 1_000)
          .without("that of the cluster's definition, or 10 min");
  public static final ConfigOption<String> MANIFEST =
      ConfigOption.string(
              "manifest",
              "The manifest, by its name, that is installed for the Python workers of a stored Python"
                  + " function; its Python and packages are checked before the first row.")
          .range("that is not blank", text -> !text.isBlank())
          .without("what the workers have");

  public static final ConfigOption<Duration> CHECKPOINT_INTERVAL =
      ConfigOption.duration(
              "checkpoint_interval", "How often a task keeps the rows that it has finished.")
          .range("of 100ms or more", interval -> interval.toMillis() >= 100)
          .defaultTo(Duration.ofSeconds(5));

  public static final ConfigOption<Integer> COMMIT_GRANULARITY =
      ConfigOption.integer("commit_granularity", "Fragments per commit.")
          .range("of 1 or more", BackfillOptions::positive)
          .without("adaptive");

  public static final ConfigOption<Duration> COMMIT_INTERVAL =
      ConfigOption.duration(
              "commit_interval", "The longest that a finished fragment waits for its commit.")
          .range("of 1ms or more", interval -> interval.toMillis() >= 1)
          .defaultTo(Duration.ofSeconds(60));

  public static final ConfigOption<String> ON_ERROR =
      ConfigOption.string(
              "on_error",
              "What a row does on which the function fails: 'fail' ends the job; 'null' leaves NULL"
                  + " and an error record; 'retry(3)' tries it three times more and then fails,"
                  + " 'retry(3, 100ms), null' waits 100 ms before the first time, twice as long"
                  + " before each next one, and leaves NULL in the end.")
          .range(
              "such as 'fail', 'null', 'retry(3)', 'retry(3, 100ms)' or 'retry(3, 100ms), null'",
              text -> OnError.parse(text).isPresent())
          .defaultTo("fail");

  public static final ConfigOption<String> RETRY_ON =
      ConfigOption.string(
              "retry_on",
              "Which failures 'retry' tries again: a regular expression, looked for in the"
                  + " exception's type and message, 'java.net.ConnectException: refused'.")
          .range("that is a regular expression of Java's", OnError::isPattern)
          .without("all");

  public static final ConfigOption<Long> MAX_FAILED_ROWS =
      ConfigOption.longInteger(
              "max_failed_rows", "The job fails once more rows than that have failed.")
          .range("of 0 or more", rows -> rows >= 0)
          .without("any number");

  public static final ConfigOption<Double> MAX_FAILED_FRACTION =
      ConfigOption.decimal(
              "max_failed_fraction",
              "The job fails once a larger part of the rows computed so far has failed; looked at"
                  + " from 100 computed rows on.")
          .range("from 0 to 1", fraction -> fraction >= 0 && fraction <= 1)
          .without("any part");

  public static final ConfigOption<Duration> ROW_TIMEOUT =
      ConfigOption.duration(
              "row_timeout",
              "How long a call of the function may take; a batch that takes longer is interrupted"
                  + " and halved, and the row that does so alone has failed.")
          .range("of 1ms or more", timeout -> timeout.toMillis() >= 1)
          .without("any time");

  public static final ConfigOption<Boolean> READY_TAG =
      ConfigOption.bool(
              "ready_tag",
              "Moves the table's tag '<column>.ready' to the version in which no row of the column is"
                  + " yet to be computed, if the job ends so. Readers of the tag see no half filled"
                  + " column; a tagged version is kept by Lance's cleanup.")
          .without("true for columns declared with `require`, else false");

  public static final ConfigOption<String> ATTACH =
      ConfigOption.string(
              "attach",
              "How values get into fragments where the column lies in a file with others: 'update'"
                  + " resets row versions on a table with stable row ids; 'shadow_column' keeps"
                  + " them, gives the column new field ids and takes more commits; 'auto' takes the"
                  + " latter on tables with stable row ids.")
          .range("'auto', 'update' or 'shadow_column'", ATTACH_VALUES::contains)
          .defaultTo("auto");

  public static final ConfigOption<String> JOB_ID =
      ConfigOption.string("job_id", "The id of the job, if it must be known before the end.")
          .range(
              "of 1 to 64 letters, digits, '_' and '-'", id -> JOB_ID_PATTERN.matcher(id).matches())
          .without("made by the job");

  public static final ConfigOption<Duration> LEASE_DURATION =
      ConfigOption.duration(
              "lease_duration",
              "How long a driver that is not heard of keeps others from doing the same job.")
          .range(
              "from 1s to 10 min",
              lease -> lease.toMillis() >= 1_000 && lease.toMillis() <= 600_000)
          .sessionOnly()
          .defaultTo(Duration.ofSeconds(15));

  private static final List<ConfigOption<?>> ALL =
      List.of(
          WHERE,
          RECOMPUTE,
          RECOMPUTE_UNKNOWN,
          MAX_FRAGMENTS,
          READ_VERSION,
          DRY_RUN,
          CONCURRENCY,
          BATCH_SIZE,
          BATCH_ORDER,
          INTRA_APPLIER_CONCURRENCY,
          NUM_CPUS,
          NUM_GPUS,
          MEMORY,
          CLUSTER,
          WORKER_GROUP,
          ADMISSION_TIMEOUT,
          MANIFEST,
          CHECKPOINT_INTERVAL,
          COMMIT_GRANULARITY,
          COMMIT_INTERVAL,
          ON_ERROR,
          RETRY_ON,
          MAX_FAILED_ROWS,
          MAX_FAILED_FRACTION,
          ROW_TIMEOUT,
          READY_TAG,
          ATTACH,
          JOB_ID,
          LEASE_DURATION);

  private BackfillOptions() {}

  /** All options, in the order of the documentation. */
  public static List<ConfigOption<?>> all() {
    return ALL;
  }

  /** The options that a call or a column may give: all but the session's own. */
  public static List<ConfigOption<?>> callable() {
    return ALL.stream().filter(option -> !option.sessionOnly()).toList();
  }

  private static boolean positive(int value) {
    return value > 0;
  }
}
