package io.lancebackfill;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.datasource.table.LanceLibrary;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.error.NearestName;
import io.lancebackfill.job.BackfillCheck;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.pipeline.ColumnPipeline;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.TableTargets;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * The main class for spark-submit: {@code --table T --column C}, or {@code --columns C,D}, and the
 * options of backfill with dashes, {@code --commit-granularity 4}. Prints the result row as one
 * JSON line on stdout, one for each column. Exit codes: 0 DONE or PLANNED, 3 DONE_WITH_ERRORS, 4
 * PAUSED or CANCELLED, 1 failed; of several columns the highest but for a failure, which ends all.
 */
public final class BackfillMain {
  private static final String USAGE =
      "usage: spark-submit --class io.lancebackfill.BackfillMain ... --table TABLE --column COLUMN"
          + " | --columns COLUMN,... [--OPTION VALUE ...]";

  private BackfillMain() {}

  public static void main(String[] arguments) {
    int exitCode;
    try {
      exitCode = run(arguments);
    } catch (BackfillException e) {
      report(e, System.err);
      exitCode = 1;
    }
    if (exitCode != 0) {
      System.exit(exitCode);
    }
  }

  /** What a user can act on; of a defect also the trace, which its message asks to report. */
  static void report(BackfillException e, PrintStream err) {
    if (e.isInternalError()) {
      e.printStackTrace(err);
    } else {
      err.println(e.getMessage());
    }
  }

  private static int run(String[] arguments) {
    Faults faults = new Faults();
    Map<String, Object> options = parse(arguments, faults);
    if (!options.containsKey("table")) {
      faults.throwIfAny(); // without a table a session finds nothing more
    }
    String name = "backfill " + String.join(", ", columns(options));
    LanceLibrary.loadAhead(); // a tenth of the way to the first row; the session takes as long
    try (SparkSession spark = SparkSession.builder().appName(name).getOrCreate()) {
      List<BackfillResult> results = pipeline(spark, options, faults).run();
      results.stream().map(BackfillMain::json).forEach(System.out::println);
      System.out.flush();
      return results.stream().mapToInt(BackfillMain::exitCode).max().orElseThrow();
    }
  }

  private static int exitCode(BackfillResult result) {
    return switch (result.status()) {
      case DONE, PLANNED, RUNNING -> 0;
      case DONE_WITH_ERRORS -> 3;
      case PAUSED, CANCELLED -> 4;
      case FAILED, INTERRUPTED -> 1;
    };
  }

  private static List<String> columns(Map<String, Object> options) {
    Object several = options.get("columns");
    return several == null
        ? Stream.ofNullable((String) options.get("column")).toList()
        : Stream.of(((String) several).split(",")).map(String::strip).toList();
  }

  /**
   * @param given table, column and options by their snake_case names
   * @param faults of the command line
   * @throws BackfillException with a line for each fault, if there is one of the command line; then
   *     table, column and the other options are looked at, too
   */
  static ColumnPipeline pipeline(SparkSession spark, Map<String, Object> given, Faults faults) {
    Map<String, Object> options = new LinkedHashMap<>(given);
    String name = String.valueOf(options.remove("table"));
    List<String> columns = columns(given);
    options.keySet().removeAll(List.of("column", "columns"));
    TableTarget table = faults.collect(() -> TableTargets.resolve(spark, name));
    if (faults.any() && table != null) {
      faults.collect(
          () -> {
            BackfillCheck.check(spark, table, columns, options);
            return null;
          });
    }
    faults.throwIfAny();
    return new ColumnPipeline(spark, requireNonNull(table), columns, options);
  }

  /** What could be read of a command line: table, column and options by their snake_case names. */
  static Map<String, Object> parse(String[] arguments, Faults faults) {
    List<String> known = new ArrayList<>(List.of("table", "column", "columns"));
    BackfillOptions.callable().stream().map(ConfigOption::name).forEach(known::add);
    Map<String, Object> options = new LinkedHashMap<>();
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("--")) {
        faults.add(
            BackfillErrorCode.INVALID_ARGUMENT,
            "'%s' is no option; options begin with '--'. %s".formatted(argument, USAGE));
        continue;
      }
      int equals = argument.indexOf('=');
      String name =
          argument
              .substring(2, equals < 0 ? argument.length() : equals)
              .replace('-', '_')
              .toLowerCase(Locale.ROOT);
      String value = null;
      if (equals >= 0) {
        value = argument.substring(equals + 1);
      } else if (i + 1 < arguments.length && !arguments[i + 1].startsWith("--")) {
        value = arguments[++i];
      }
      if (!known.contains(name)) {
        faults.add(
            BackfillErrorCode.UNKNOWN_OPTION,
            "There is no option --%s.%s There are: --%s."
                .formatted(
                    dashed(name),
                    NearestName.hint(name, known),
                    dashed(String.join(", --", known))));
      } else if (options.containsKey(name)) {
        faults.add(
            BackfillErrorCode.DUPLICATE_ARGUMENT,
            "Option --%s is given twice.".formatted(dashed(name)));
      } else {
        Object read = value(name, value, faults);
        if (read != null) {
          options.put(name, read);
        }
      }
    }
    if (!options.containsKey("table")) {
      faults.add(BackfillErrorCode.MISSING_ARGUMENT, "--table is missing. " + USAGE);
    }
    if (!options.containsKey("column") && !options.containsKey("columns")) {
      faults.add(BackfillErrorCode.MISSING_ARGUMENT, "--column is missing. " + USAGE);
    }
    if (options.containsKey("column") && options.containsKey("columns")) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "--column and --columns are both given; one of them says what to fill.");
    }
    return options;
  }

  private static @Nullable Object value(String name, @Nullable String text, Faults faults) {
    ConfigOption<?> option =
        BackfillOptions.callable().stream()
            .filter(o -> o.name().equals(name))
            .findFirst()
            .orElse(null);
    boolean flag =
        option == BackfillOptions.DRY_RUN
            || option == BackfillOptions.RECOMPUTE
            || option == BackfillOptions.RECOMPUTE_UNKNOWN;
    if (text == null && !flag) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT, "Option --%s needs a value.".formatted(dashed(name)));
      return null;
    }
    String given = text == null ? "true" : text;
    // Words of a command line are texts: each option reads its own, as for session settings.
    return option == null ? given : faults.collect(() -> option.ofCommandLine(given));
  }

  private static String dashed(String name) {
    return name.replace('_', '-');
  }

  private static String json(BackfillResult result) {
    JobCounts counts = result.counts();
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("job_id", result.jobId());
    row.put("status", result.status().name());
    row.put("table_version", result.tableVersion());
    row.put("fragments_planned", counts.fragmentsPlanned());
    row.put("fragments_committed", counts.fragmentsCommitted());
    row.put("fragments_skipped", counts.fragmentsSkipped());
    row.put("rows_computed", counts.rowsComputed());
    row.put("rows_from_checkpoints", counts.rowsFromCheckpoints());
    row.put("rows_failed", counts.rowsFailed());
    row.put("commits", counts.commits());
    row.put("bytes_written", counts.bytesWritten());
    row.put("elapsed_ms", result.elapsedMs());
    row.put("attached_by", result.attachedBy());
    row.put("note", result.note());
    row.put("columns", result.columns());
    try {
      return new ObjectMapper().writeValueAsString(row);
    } catch (JsonProcessingException e) {
      throw new BackfillException(
          BackfillErrorCode.INTERNAL_ERROR, "The result cannot be written as JSON.", e);
    }
  }
}
