package io.lancebackfill.job;

import static io.lancebackfill.error.BackfillErrorCode.ADMISSION_TIMEOUT;
import static io.lancebackfill.error.BackfillErrorCode.CLUSTER_GROUP_UNFIT;
import static io.lancebackfill.error.BackfillErrorCode.CLUSTER_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.CLUSTER_SPEC_INVALID;
import static io.lancebackfill.error.BackfillErrorCode.COLUMN_CHANGED;
import static io.lancebackfill.error.BackfillErrorCode.COLUMN_DROPPED;
import static io.lancebackfill.error.BackfillErrorCode.COLUMN_EXISTS;
import static io.lancebackfill.error.BackfillErrorCode.COLUMN_IN_USE;
import static io.lancebackfill.error.BackfillErrorCode.COLUMN_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.COMMIT_FAILED;
import static io.lancebackfill.error.BackfillErrorCode.COMMIT_STATE_UNKNOWN;
import static io.lancebackfill.error.BackfillErrorCode.COMPUTED_COLUMN_WRITE;
import static io.lancebackfill.error.BackfillErrorCode.DUPLICATE_ARGUMENT;
import static io.lancebackfill.error.BackfillErrorCode.ENVIRONMENT_MISMATCH;
import static io.lancebackfill.error.BackfillErrorCode.EXECUTOR_OUT_OF_MEMORY;
import static io.lancebackfill.error.BackfillErrorCode.FRAGMENT_REWRITTEN;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_CHANGED;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_FAILED;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_NEEDS_VERSION;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_NOT_LOADED;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_NOT_TOP_LEVEL;
import static io.lancebackfill.error.BackfillErrorCode.FUNCTION_NOT_TRUSTED;
import static io.lancebackfill.error.BackfillErrorCode.INPUT_CHANGED;
import static io.lancebackfill.error.BackfillErrorCode.INTERNAL_ERROR;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_ARGUMENT;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_CALL;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_EXPRESSION;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_FUNCTION;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_OPTION;
import static io.lancebackfill.error.BackfillErrorCode.INVALID_WHERE;
import static io.lancebackfill.error.BackfillErrorCode.JOB_INTERRUPTED;
import static io.lancebackfill.error.BackfillErrorCode.JOB_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.LEASE_LOST;
import static io.lancebackfill.error.BackfillErrorCode.MANAGED_VERSIONING;
import static io.lancebackfill.error.BackfillErrorCode.MANIFEST_INVALID;
import static io.lancebackfill.error.BackfillErrorCode.MANIFEST_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.MISSING_ARGUMENT;
import static io.lancebackfill.error.BackfillErrorCode.MISSING_JARS;
import static io.lancebackfill.error.BackfillErrorCode.NON_DETERMINISTIC_EXPRESSION;
import static io.lancebackfill.error.BackfillErrorCode.NOT_A_COMPUTED_COLUMN;
import static io.lancebackfill.error.BackfillErrorCode.NOT_A_LANCE_TABLE;
import static io.lancebackfill.error.BackfillErrorCode.NOT_ROW_WISE_EXPRESSION;
import static io.lancebackfill.error.BackfillErrorCode.PROCESS_LOST;
import static io.lancebackfill.error.BackfillErrorCode.PYTHON_UNAVAILABLE;
import static io.lancebackfill.error.BackfillErrorCode.READ_ONLY_TABLE;
import static io.lancebackfill.error.BackfillErrorCode.REQUIREMENT_FAILED;
import static io.lancebackfill.error.BackfillErrorCode.RESOURCES_UNAVAILABLE;
import static io.lancebackfill.error.BackfillErrorCode.SESSION_DEPENDENT_EXPRESSION;
import static io.lancebackfill.error.BackfillErrorCode.STATE_DAMAGED;
import static io.lancebackfill.error.BackfillErrorCode.STATE_FORMAT_TOO_NEW;
import static io.lancebackfill.error.BackfillErrorCode.STORAGE_FAILED;
import static io.lancebackfill.error.BackfillErrorCode.TABLE_NOT_FOUND;
import static io.lancebackfill.error.BackfillErrorCode.TASK_FAILED;
import static io.lancebackfill.error.BackfillErrorCode.TOO_MANY_FAILED_ROWS;
import static io.lancebackfill.error.BackfillErrorCode.TYPE_MISMATCH;
import static io.lancebackfill.error.BackfillErrorCode.UNKNOWN_ARGUMENT;
import static io.lancebackfill.error.BackfillErrorCode.UNKNOWN_CATALOG;
import static io.lancebackfill.error.BackfillErrorCode.UNKNOWN_OPTION;
import static io.lancebackfill.error.BackfillErrorCode.UNKNOWN_PROCEDURE;
import static io.lancebackfill.error.BackfillErrorCode.UNSUPPORTED_TYPE;
import static io.lancebackfill.error.BackfillErrorCode.VERSION_NOT_FOUND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.progress.JobListener;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.table.TableTargets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * docs/errors.md is what the codes, met for real, say. {@code -Dreadme.write=true} writes it anew.
 */
class TestErrorsDocument {
  private static final Path DOCUMENT =
      Path.of("..", "docs", "errors.md").toAbsolutePath().normalize();
  private static final String HEAD =
      """
      # Errors

      Each error begins with a code in brackets. Codes are stable: search for them, and program against them. All faults of a
      call come together, a line with a code each. This page is made by a test, which meets the errors for real.

      | where | what you see | the code for a program |
      |---|---|---|
      | spark-sql | the message, without a stack trace | its first word |
      | PySpark | `SparkRuntimeException: ` and the message, from `pyspark.errors` | `e.getErrorClass()` |
      | PySpark on Spark Connect | the same | the first word of `str(e)` |
      | Java, Scala | `io.lancebackfill.error.BackfillException` | `e.code()` |
      | spark-submit with BackfillMain | the message on stderr, exit code 1 | its first word |

      ```python
      from pyspark.errors import SparkRuntimeException
      try:
          spark.sql("CALL lance.system.backfill('default.images', 'embedding')")
      except SparkRuntimeException as e:
          if e.getErrorClass() != "FUNCTION_FAILED":
              raise
          print(e)
      ```

      A job that failed also keeps its message, and the whole trace of a function that failed, in its history:
      `CALL lance.system.job('default.images', 'JOB_ID')`.

      | code | what happened | what to do |
      |---|---|---|
      """;

  private static final String PYTHON_HEAD =
      """

      The Python package `lance_backfill` raises `BackfillError`, with `code`, `problem` and `remedy`: those above, and these, which
      it finds by itself:

      | code | what happened | what to do |
      |---|---|---|
      """;

  /** First code of a column's function. */
  public static final class Shout implements UDF1<String, String> {
    private static final long serialVersionUID = 1L;

    @Override
    public String call(String text) {
      return text + "!";
    }
  }

  /** Other code under the same name. */
  public static final class Whisper implements UDF1<String, String> {
    private static final long serialVersionUID = 1L;

    @Override
    public String call(String text) {
      return "(" + text + ")";
    }
  }

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static final List<ErrorEntry> ENTRIES = new ArrayList<>();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
    session.spark().udf().register("title", new Shout(), DataTypes.StringType);
    session
        .spark()
        .udf()
        .register("embed", (UDF1<String, String>) text -> text, DataTypes.StringType);
    String table = session.table("images", 60, 2, "2.1");
    session.call("add_column('%s', 'n', 'id + 1')", table);
    session.call("add_column('%s', 'twice', 'n * 2')", table);
    session.call("add_column('%s', 'titled', 'title(text)')", table);
    session.call(
        "add_column(table => '%s', column => 'size', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    session.call(
        "register_function('letters', 'java', 'io.lancebackfill.udf.example.LetterFrequencies')");
  }

  @Test
  void saysEachCode() throws IOException {
    calls();
    tablesAndColumns();
    expressionsAndFunctions();
    running();
    definitions();
    state();
    ENTRIES.sort(Comparator.comparing(ErrorEntry::code));
    assertThat(ENTRIES.stream().map(ErrorEntry::code)).containsExactly(BackfillErrorCode.values());
    StringBuilder text = new StringBuilder(HEAD);
    ENTRIES.forEach(entry -> text.append(entry.row()));
    List<String[]> ofPython = ofPython();
    text.append(PYTHON_HEAD);
    ofPython.forEach(
        e -> text.append("| [`%s`](#%s) | %s | %s |%n".formatted(e[0], lower(e[0]), e[1], e[2])));
    ENTRIES.forEach(entry -> text.append(entry.section()));
    ofPython.forEach(
        e ->
            text.append(
                "%n### %s%n%n%s %s%n%n```python%n%s%n```%n%n```%n%s%n```%n"
                    .formatted(e[0], e[1], e[2], e[3], e[4])));
    if (Boolean.getBoolean("readme.write")) {
      Files.createDirectories(DOCUMENT.getParent());
      Files.writeString(DOCUMENT, text);
    }
    assertThat(Files.readString(DOCUMENT)).isEqualTo(text.toString());
  }

  private static String lower(String code) {
    return code.toLowerCase(java.util.Locale.ROOT);
  }

  /** Code, meaning, remedy, example and message of each code that only the Python package has. */
  private static List<String[]> ofPython() throws IOException {
    Path module = Path.of("..", "udf-runtime", "src").toAbsolutePath().normalize();
    ProcessBuilder python =
        new ProcessBuilder(
            System.getProperty("test.python", "python3"),
            "-B",
            module + "/test/python/own_codes.py");
    python.environment().put("PYTHONPATH", module.resolve("main/python").toString());
    Process process = python.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    process.getOutputStream().close();
    return List.of(
        new ObjectMapper().readValue(process.getInputStream().readAllBytes(), String[][].class));
  }

  private static void calls() {
    call(
        INVALID_CALL,
        "What follows CALL cannot be read.",
        "Write `CALL catalog.system.procedure(name => value, ...)`; strings stand in quotes.",
        "backfill('default.images', column => )");
    call(
        UNKNOWN_PROCEDURE,
        "There is no procedure of that name.",
        "Take the name that the message suggests.",
        "backfil('default.images', 'n')");
    call(
        UNKNOWN_ARGUMENT,
        "The procedure has no argument of that name.",
        "Take the name that the message suggests.",
        "backfill(table => 'default.images', column => 'n', max_fragment => 3)");
    call(
        DUPLICATE_ARGUMENT,
        "An argument is given twice.",
        "Give it once, by position or by name.",
        "backfill('default.images', 'n', column => 'n')");
    call(
        MISSING_ARGUMENT,
        "A required argument is not given.",
        "Give it.",
        "backfill('default.images')");
    call(
        INVALID_ARGUMENT,
        "An argument has a value that cannot be right.",
        "Give one of those that the message names.",
        "add_column('default.images', '_rowid', 'id')");
    call(
        UNKNOWN_OPTION,
        "The map `options`, or the command line, names an option that does not exist.",
        "Take the name that the message suggests.",
        "add_column(table => 'default.images', column => 'm', expression => 'id', options => map('vectordim', '3'))");
    call(
        INVALID_OPTION,
        "An option has a value that it cannot have.",
        "Give one of those that the message names; session settings count, too.",
        "backfill(table => 'default.images', column => 'n', checkpoint_interval => '5')");
  }

  private static void tablesAndColumns() throws IOException {
    call(
        TABLE_NOT_FOUND,
        "The catalog has no such table.",
        "Correct the name: `SHOW TABLES IN lance.default`.",
        "backfill('default.imagse', 'n')");
    call(
        NOT_A_LANCE_TABLE,
        "There is no Lance table at the address.",
        "Correct the address; it ends with the table's folder, often `name.lance`.",
        "backfill('" + session.root().resolve("missing.lance") + "', 'n')");
    call(
        UNKNOWN_CATALOG,
        "The first part of the table's name is no catalog of this session.",
        "Begin with a catalog of `spark.sql.catalog.*`, or give a name of two parts.",
        "backfill('lanse.default.images', 'n')");
    call(
        COLUMN_NOT_FOUND,
        "The table has no such column.",
        "Take one of those that the message lists, or declare it with add_column.",
        "backfill('default.images', 'm')");
    call(
        COLUMN_EXISTS,
        "add_column names a column that is there already.",
        "Take another name, or alter_column for a computed column.",
        "add_column('default.images', 'n', 'id')");
    call(
        NOT_A_COMPUTED_COLUMN,
        "The column holds data of its own, and no expression.",
        "Declare another column with add_column.",
        "backfill('default.images', 'text')");
    call(
        COLUMN_IN_USE,
        "Another computed column reads this one.",
        "Drop or alter that one first.",
        "drop_column('default.images', 'n')");
    met(
        COMPUTED_COLUMN_WRITE,
        "A statement writes a value into a computed column.",
        "Leave the column out, or give NULL.",
        "INSERT INTO lance.default.images (id, text, n) VALUES (60, 'new', 7)",
        () -> session.sql("INSERT INTO lance.default.images (id, text, n) VALUES (60, 'new', 7)"));
    call(
        UNSUPPORTED_TYPE,
        "Lance, or this storage version, cannot hold values of the type.",
        "Let the expression return another type, as the message says.",
        "add_column('default.images', 'm', 'map(id, text)')");
    call(
        TYPE_MISMATCH,
        "The expression's type is not the column's.",
        "Cast in the expression, or give the column the expression's type.",
        "add_column('default.images', 'm', 'id', 'array<int>')");
    call(
        VERSION_NOT_FOUND,
        "The table has no such version, or not any more.",
        "Give a version that is still there, or leave read_version out.",
        "backfill(table => 'default.images', column => 'n', read_version => 4711)");
    told(
        READ_ONLY_TABLE,
        "The store refuses to write.",
        "Give this session's user or credentials the right to write there; what only reads works without.",
        "A backfill of a table in a folder of somebody else's.",
        "[READ_ONLY_TABLE] Cannot tag version 4 of /data/lance/images.lance: permission denied. Check the credentials and the rights on that address.",
        "ReadOnlyTableIT meets it.");
    told(
        MANAGED_VERSIONING,
        "The catalog's namespace keeps the versions of the table, and would not hear of our commits.",
        "Use a table whose versions lie in its own folder; with impl=dir, leave table_version_tracking_enabled off.",
        "Any call on a table of such a catalog.",
        "[MANAGED_VERSIONING] The versions of lance.default.images are kept by the namespace of catalog 'lance' (managed_versioning), and computed columns are not committed through it: nothing was read or changed. Use a table whose versions lie in its own folder, as in a catalog with impl=dir and without spark.sql.catalog.lance.table_version_tracking_enabled.",
        "TestManagedVersioning meets it.");
  }

  private static void expressionsAndFunctions() {
    call(
        INVALID_EXPRESSION,
        "Spark cannot read or resolve the expression.",
        "Mend it; `SELECT expression FROM table` must work.",
        "add_column('default.images', 'm', 'nowhere + 1')");
    call(
        NON_DETERMINISTIC_EXPRESSION,
        "The expression gives other values each time.",
        "Leave out what depends on chance, or hash a column instead.",
        "add_column('default.images', 'm', 'rand()')");
    call(
        SESSION_DEPENDENT_EXPRESSION,
        "The expression depends on the clock or on who runs it.",
        "Write the value that you mean as a constant.",
        "add_column('default.images', 'm', 'current_date()')");
    call(
        NOT_ROW_WISE_EXPRESSION,
        "The expression needs other rows, or makes several of one.",
        "Use what computes one value from one row.",
        "add_column('default.images', 'm', 'sum(id)')");
    call(
        INVALID_WHERE,
        "The condition cannot be read, or fails on a row.",
        "Mend it; `SELECT ... WHERE condition` must work.",
        "backfill(table => 'default.images', column => 'n', where => 'id <')");
    call(
        FUNCTION_NOT_FOUND,
        "The session knows no such function.",
        "Register it in this session: `spark.udf.register`, CREATE FUNCTION or register_function.",
        "add_column('default.images', 'm', 'no_function(id)')");
    session.spark().udf().register("title", new Whisper(), DataTypes.StringType);
    call(
        FUNCTION_CHANGED,
        "The function's code is not the one that the column was declared with.",
        "Adopt the new code with alter_column, or register the old one.",
        "backfill('default.images', 'titled')");
    call(
        FUNCTION_NEEDS_VERSION,
        "The function's code cannot be told apart from other code.",
        "Give it a version of your own, and another one when the code changes.",
        "add_column('default.images', 'm', 'embed(text)')");
    call(
        FUNCTION_NOT_TOP_LEVEL,
        "A function on Arrow batches stands inside an expression.",
        "Let the call of the function be the whole expression.",
        "add_column('default.images', 'm', 'array_max(letters(text))')");
    call(
        INVALID_FUNCTION,
        "The class is no function that can be registered.",
        "Name a class that implements ScalarUdf1 to ScalarUdf5, or ColumnUdf, and put its jar beside Spark.",
        "register_function('f', 'java', 'com.example.NoSuchClass')");
    CountingFunction.failsAt = 44;
    call(
        FUNCTION_FAILED,
        "The function or expression raised an exception, or returned what the column cannot hold.",
        "Mend it, or leave such rows out with `where`; the same call goes on from what is finished.",
        "backfill(table => 'default.images', column => 'size', job_id => 'nightly')");
    CountingFunction.reset();
    ScoreFunction.reset();
    session.call("register_function('score', 'java', '%s')", ScoreFunction.class.getName());
    session.call("add_column('default.images', 'score', 'score(id)')");
    call(
        TOO_MANY_FAILED_ROWS,
        "The function failed on more rows than the call allows.",
        "Look at `errors`; mend the function, or allow more. The same call goes on from what is finished.",
        "backfill(table => 'default.images', column => 'score', on_error => 'null', max_failed_rows => 3, concurrency => 1, job_id => 'nightly')");
    session.call(
        "add_column(table => 'default.images', column => 'half', expression => 'id / 2', require => array('half < 20'))");
    call(
        REQUIREMENT_FAILED,
        "A computed row does not meet a condition that the column was declared with.",
        "Mend the function, or let such rows be NULL with `on_error => 'null'`, or change the conditions.",
        "backfill(table => 'default.images', column => 'half', concurrency => 1, job_id => 'nightly')");
    call(
        RESOURCES_UNAVAILABLE,
        "The function asks for CPUs, GPUs or memory that this session can never give it.",
        "Start the session with the setting that the message names, or ask for less.",
        "backfill(table => 'default.images', column => 'score', num_cpus => 6)");
  }

  private static void running() {
    met(
        COLUMN_DROPPED,
        "Somebody dropped the column while it was computed.",
        "Declare it again, if it is still wanted.",
        "-- While CALL lance.system.backfill('default.images', 'size') runs:\nCALL lance.system.drop_column('default.images', 'size')",
        () ->
            new BackfillAction(
                    session.spark(),
                    new BackfillRequest(
                        TableTargets.resolve(session.spark(), "lance.default.images"),
                        "size",
                        Map.of("job_id", "dropped")),
                    new DropsTheColumn())
                .run());
    String refused =
        "Made by the job's own code; three commits of another writer in a row, each while the fragment was computed, lead to it.";
    thrown(
        FRAGMENT_REWRITTEN,
        "Another writer replaced fragments, by compaction for example, each time they were computed.",
        "Run the call again when the other writer is quiet; the other fragments are committed.",
        "CALL lance.system.backfill('default.images', 'n')",
        JobOutcome.refusedTooOften(Map.of(1, Refusal.FRAGMENT_GONE), 3),
        refused);
    thrown(
        INPUT_CHANGED,
        "Another writer changed the input column each time it was read.",
        "Run the call again when the other writer is quiet; the other fragments are committed.",
        "CALL lance.system.backfill('default.images', 'n')",
        JobOutcome.refusedTooOften(Map.of(1, Refusal.INPUT_CHANGED), 3),
        refused);
    told(
        COMMIT_FAILED,
        "The values are computed and kept, and could not be attached to the table.",
        "Run the same call again; it computes nothing anew.",
        "A backfill beside many writers.",
        "[COMMIT_FAILED] Other commits to /data/lance/images.lance came first 10 times, so 4 column files are not attached yet. They are kept: run the same call again when fewer writers are at work, or raise the commit granularity.\nJob nightly; see job and jobs.",
        "TestColumnFileCommitter meets it.");
    told(
        COMMIT_STATE_UNKNOWN,
        "The store broke off while a commit was on its way.",
        "Delete nothing, and run the same call again when the table can be read.",
        "A backfill whose store goes away.",
        "[COMMIT_STATE_UNKNOWN] It is not known whether the commit of 4 column files to s3://bucket/images.lance happened: its answer was lost, and the table cannot be read. Delete nothing; run the same call again once the table can be read.\nJob nightly; see job and jobs.",
        "S3IT and TestColumnFileCommitter lose such answers.");
    told(
        LEASE_LOST,
        "This driver was silent for too long, and another may have taken its job over.",
        "Look at `jobs`; run the same call again if no other job goes on.",
        "Two drivers, of which the first was paused.",
        "[LEASE_LOST] This driver could not renew its lease on column n in time, and another may have taken the job over. Nothing is lost: the same call goes on from what is finished.\nJob nightly; see job and jobs.",
        "TwoDriversIT pauses a driver.");
    told(
        TASK_FAILED,
        "Spark gave tasks up, for a reason that is not the function's.",
        "Run the same call again; if it happens again, look at the executors' logs.",
        "A backfill on executors whose local disks are full.",
        "[TASK_FAILED] Spark gave the job's tasks up: Job aborted due to stage failure: Task 3 in stage 7.0 failed 4 times. Caused by: java.io.IOException: No space left on device What was finished is kept and committed; the same call goes on from there. If it happens again, look at the executors' logs.\nJob nightly; see job and jobs.",
        "The middle is Spark's own message.");
    told(
        JOB_INTERRUPTED,
        "Somebody cancelled the job: a notebook's cell, Spark's UI, a signal.",
        "Nothing needs mending; the same call goes on from what is finished.",
        "A notebook's cell that is interrupted.",
        "[JOB_INTERRUPTED] The job was interrupted. What was finished is kept; the same call goes on from there.\nJob nightly; see job and jobs.",
        "TestJobEnds interrupts jobs.");
    told(
        PYTHON_UNAVAILABLE,
        "Executors cannot run Python, or run one that is no good for the function.",
        "Install it on each executor, and name it with spark.pyspark.python; the same call goes on.",
        "A backfill on executors without that Python.",
        "[PYTHON_UNAVAILABLE] No Python worker can run the function: java.io.IOException: Cannot run program \"/opt/python\": error=2, No such file or directory\nWorkers run what spark.pyspark.python or PYSPARK_PYTHON names, on each executor: a Python of the driver's version, with pandas and pyarrow for functions that need them.\nIt happened in fragment 0; what was finished before is committed or kept as checkpoints.\nJob nightly; see job and jobs.",
        "PythonExceptionsIT meets it.");
    told(
        FUNCTION_NOT_TRUSTED,
        "The column's function is Python code of whoever declared it, and this session did not.",
        "If you trust those who can write to the table, set spark.lancebackfill.functions.trust.",
        "A backfill from spark-sql of a column that a notebook declared.",
        "[FUNCTION_NOT_TRUSTED] Column 'embedding' is computed by the stored Python function 'Embed_1f0c', which this session did not declare itself, and spark.lancebackfill.functions.trust is 'false'. If you trust those who can write to this table, set it to 'true', or to a list of the hashes of functions that may run: SET spark.lancebackfill.functions.trust=52db...",
        "PythonFunctionsIT meets it.");
    told(
        FUNCTION_NOT_LOADED,
        "A stored Python function cannot be unpickled on the workers, its setup() fails, or workers die while they load it.",
        "Install what it imports there, and give it the memory that its model takes; no row is to blame, and none was computed.",
        "A backfill with a function whose model takes more memory than there is.",
        "[FUNCTION_NOT_LOADED] Function 'Embed_1f0c' could not be loaded: 2 worker processes of /opt/python died one after the other while they imported it or ran its setup(), before they got a row. The Python worker that ran the function died: it was killed, often for lack of memory, crashed in a native library, or left by os._exit (java.io.EOFException).\nIt happened in fragment 0; what was finished before is committed or kept as checkpoints.\nJob nightly; see job and jobs.",
        "PythonFunctionsIT meets it.");
    told(
        ENVIRONMENT_MISMATCH,
        "The workers' Python, or a package there, is of another version than the author's.",
        "Name the right Python with spark.pyspark.python, or declare the function again under theirs.",
        "A backfill on workers of another Python than the author's.",
        "[ENVIRONMENT_MISMATCH] Function 'Embed_1f0c' was declared under Python 3.11.7, and the workers run Python 3.10: its code cannot be loaded there. Name a Python 3.11 for the workers with spark.pyspark.python or PYSPARK_PYTHON, or declare the function again under theirs.",
        "The tests of the Python package meet it.");
    told(
        COLUMN_CHANGED,
        "The column got another function while it was computed.",
        "Run the same call again: it goes on with the present function.",
        "alter_column, or a restore of an earlier version of the table, while a backfill runs.",
        "[COLUMN_CHANGED] Column n has another function in version 9 than this job was started with: it was altered meanwhile, or the table was restored to a version before that. What was finished is committed or kept; the same call goes on with the present function.\nJob nightly; see job and jobs.",
        "TestRestore meets it.");
    told(
        MISSING_JARS,
        "The class path lacks jars that Lance Backfill needs.",
        "Give Spark all jars of the folder `dist`, as the message shows.",
        "spark-sql with the bundle's jar alone.",
        "[MISSING_JARS] The class path lacks lance-core (org.lance.Dataset). Lance Backfill needs every jar of its dist folder, not only its own: --jars $(echo backfill-job/target/dist/*.jar | tr ' ' ','), or spark.jars with the same.",
        "TestRequiredJars meets it.");
    told(
        PROCESS_LOST,
        "The processes that compute fragments die, executors or their Python workers: lack of memory, or a crash of a native library.",
        "Give executors more memory, or a smaller batch_size; look at their logs.",
        "A function that takes more memory than an executor has.",
        "[PROCESS_LOST] Fragments [0, 1] each took 2 processes with them, and no fragment of the table was finished. ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Give the executors more memory, or look in their logs for the cause.\nJob nightly; see job and jobs.",
        "ProcessLossIT and PythonExceptionsIT kill such processes. If other fragments are finished the job ends with DONE_WITH_ERRORS instead.");
    told(
        EXECUTOR_OUT_OF_MEMORY,
        "An executor used more memory than it may, and so did the one that computed the same fragment with nothing beside it, in batches of a quarter of the size.",
        "Give executors more memory, in the heap for expressions and Java functions and beside it for Python; or a smaller batch_size, or more num_cpus, with which fewer tasks share an executor.",
        "A function whose model takes more memory than an executor has.",
        "[EXECUTOR_OUT_OF_MEMORY] Fragments [0] each ran 2 processes out of memory, and no fragment of the table was finished. ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: Command exited with code 52 An executor has 700 MiB of heap, and 384 MiB beside it for Python workers and all else. Raise spark.executor.memory, or spark.executor.memoryOverhead for what Python functions and models take (memory and memory_overhead of a worker group); or give a smaller batch_size, or more num_cpus, with which fewer tasks share an executor.\nJob nightly; see job and jobs.",
        "OutOfMemoryIT and KubernetesIT meet it. If other fragments are finished the job ends with DONE_WITH_ERRORS instead; a node that goes counts for nothing.");
  }

  private static void state() throws IOException {
    session.table("damaged", 20, 1, "2.1");
    session.call("add_column('default.damaged', 'n', 'id + 1')");
    session.call("backfill('default.damaged', 'n')");
    Path versions =
        session.folder("damaged").resolve("_backfill").resolve("jobs.lance").resolve("_versions");
    try (Stream<Path> files = Files.list(versions)) {
      for (Path file : files.toList()) {
        Files.writeString(file, "no manifest");
      }
    }
    call(
        STATE_DAMAGED,
        "What is kept beside the table in `_backfill/` is cut off, lost or not ours.",
        "Restore the folder that the message names, or delete it. The table itself is whole.",
        "jobs('default.damaged')");
    told(
        STATE_FORMAT_TOO_NEW,
        "A newer release wrote this table's computed columns.",
        "Use that release, or a newer one.",
        "A backfill with an old release.",
        "[STATE_FORMAT_TOO_NEW] Column 'n' was declared in format 2; this build reads formats up to 1. Use a newer build of lance-backfill.",
        "There is no newer format yet.");
    call(
        JOB_NOT_FOUND,
        "The table's records know no such job.",
        "Take an id that jobs(table) lists; jobs are kept with the table that they fill.",
        "job('default.images', 'nightli')");
    told(
        STORAGE_FAILED,
        "The store cannot be reached, refuses, or its files are damaged.",
        "Do what the store's own words, which the message quotes, ask for; then run the call again.",
        "A catalog on S3 with a region that is wrong.",
        "[STORAGE_FAILED] The catalog cannot load table lance.default.images: ...",
        "The rest is the store's own message.");
    told(
        INTERNAL_ERROR,
        "A defect of lance-backfill.",
        "Report it with its stack trace, which the job's history keeps; the same call goes on from what is finished.",
        "None is known.",
        "[INTERNAL_ERROR] The job met a fault that it does not know: java.lang.IllegalStateException: ... What was finished is kept; the same call goes on from there. Please report it with its stack trace.\nJob nightly; see job and jobs.",
        "");
  }

  private static void definitions() {
    call(
        CLUSTER_SPEC_INVALID,
        "The definition of a cluster has faults; each has a line with its place.",
        "Mend what the message names.",
        "define_cluster('{\"name\": \"pool\", \"type\": \"cloud\"}')");
    call(
        CLUSTER_NOT_FOUND,
        "The catalog has no definition of a cluster of that name.",
        "Name one that clusters() lists, or define it with define_cluster.",
        "backfill(table => 'default.images', column => 'n', cluster => 'gpus')");
    session.call("define_cluster('{\"name\": \"here\", \"type\": \"local\"}')");
    call(
        CLUSTER_GROUP_UNFIT,
        "No worker group of the cluster has what the function asks for.",
        "Ask for less, or define the cluster with a larger group.",
        "backfill(table => 'default.images', column => 'n', cluster => 'here', worker_group => 'gpu')");
    told(
        ADMISSION_TIMEOUT,
        "No executor that could run the job's tasks came in time; the message has what was found.",
        "Mend what it names: labels and taints of nodes, quotas, images, or what the session asks for. docs/clusters.md has each finding.",
        "A backfill on a worker group whose pool has no node.",
        "[ADMISSION_TIMEOUT] No executor that can run this job's tasks has come in 600s.\n  [POD_UNSCHEDULABLE] no node takes 2 pods (job-exec-2, job-exec-3): the scheduler says: 2 of 2 node(s) didn't match Pod's node affinity/selector; node cpu-1 has pool=cpu, not tpu; node gpu-1 has pool=gpu, not tpu. Give the group a node_selector whose labels its pool's nodes have, or label the nodes.\n What was finished is kept; the same call goes on from there. admission_timeout says how long to wait.\nJob nightly; see job and jobs.",
        "KubernetesIT meets it.");
    call(
        MANIFEST_INVALID,
        "A manifest has faults, or names what cannot be packaged; each has a line with its place.",
        "Mend what the message names.",
        "define_manifest('{\"name\": \"nightly\", \"pip\": [\"numpy=1.26\"], \"phyton\": \"3.11\"}')");
    call(
        MANIFEST_NOT_FOUND,
        "The catalog has no manifest of that name.",
        "Name one that manifests() lists, or define it with define_manifest.",
        "backfill(table => 'default.images', column => 'n', manifest => 'nightly')");
  }

  private static void call(BackfillErrorCode code, String meaning, String remedy, String call) {
    String statement = "CALL lance.system." + call;
    met(code, meaning, remedy, statement, () -> session.spark().sql(statement).collect());
  }

  private static void met(
      BackfillErrorCode code, String meaning, String remedy, String example, Runnable body) {
    BackfillException failure = catchThrowableOfType(BackfillException.class, body::run);
    assertThat(failure).as(example).isNotNull();
    thrown(code, meaning, remedy, example, failure, "");
  }

  private static void thrown(
      BackfillErrorCode code,
      String meaning,
      String remedy,
      String example,
      BackfillException failure,
      String source) {
    assertThat(failure.code()).as(failure.getMessage()).isEqualTo(code);
    ENTRIES.add(
        new ErrorEntry(
            code, meaning, remedy, masked(example), masked(failure.getMessage()), source));
  }

  private static void told(
      BackfillErrorCode code,
      String meaning,
      String remedy,
      String happened,
      String message,
      String source) {
    assertThat(message).startsWith("[" + code + "] ");
    ENTRIES.add(new ErrorEntry(code, meaning, remedy, "-- " + happened, message, source));
  }

  /** Without what differs from run to run. */
  private static String masked(String text) {
    return text.replace(session.root().toString(), "/data/lance")
        .replaceAll("[0-9a-f]{24,}", "5e1f...")
        .replaceAll("[0-9a-f]{8}_default\\$", "5e1f0a2b_default\\$")
        .replaceAll("\\(rustc.*?\\)|, [\\w/.-]*\\.rs:\\d+:\\d+", "")
        .replaceAll("(?m)\\s+$", "");
  }

  /** As another session might, once the job has planned. */
  private static final class DropsTheColumn implements JobListener {
    @Override
    public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {
      session.call("drop_column('default.images', 'size')");
    }

    @Override
    public void running(
        JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {}

    @Override
    public void committed(JobInfo job, JobCounts counts, long tableVersion) {}

    @Override
    public void notice(JobInfo job, String message) {}

    @Override
    public void ended(
        JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {}
  }
}
