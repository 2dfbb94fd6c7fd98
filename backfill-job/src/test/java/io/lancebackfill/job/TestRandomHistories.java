package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Random sequences of what writers and jobs do to a table, against a model of each row: values,
 * coverage and calls of the function agree after every step. {@code -Dhistories.count} says how
 * many, {@code -Dhistories.seed} which: the build runs the same few each time.
 */
class TestRandomHistories {
  private static final int COUNT = Integer.getInteger("histories.count", 30);
  private static final long SEED = Long.getLong("histories.seed", 1);
  private static final int STEPS = 6;

  private enum Step {
    APPEND,
    UPDATE,
    MERGE,
    DELETE,
    COMPACT,
    ALTER,
    BACKFILL,
    BACKFILL_SOME,
    FAIL,
    RESTORE,
    CAST_INPUT,
    RENAME_INPUT,
    RENAME_COLUMN,
    BACKFILL_OVER
  }

  /** What a history is made of; a step that stands here twice is twice as likely. */
  private static final List<Step> STEPS_OF_ALL =
      List.of(
          Step.APPEND,
          Step.APPEND,
          Step.UPDATE,
          Step.MERGE,
          Step.DELETE,
          Step.DELETE,
          Step.COMPACT,
          Step.COMPACT,
          Step.ALTER,
          Step.BACKFILL,
          Step.BACKFILL,
          Step.BACKFILL_SOME,
          Step.FAIL,
          Step.RESTORE,
          Step.RESTORE,
          Step.RESTORE,
          Step.CAST_INPUT);

  /** Steps for tables whose columns may change their names. */
  private static final List<Step> RENAMES = List.of(Step.RENAME_INPUT, Step.RENAME_COLUMN);

  private static final LongAdder CALLS = new LongAdder();

  /** The row on which the function fails; none if negative. */
  private static final AtomicLong FAILS_AT = new AtomicLong(-1);

  /** The row at which another writer does something once, in the middle of a job. */
  private static final AtomicLong ACTS_AT = new AtomicLong(-1);

  private static volatile Runnable action = () -> {};

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private Random random = new Random();
  private TableModel model = new TableModel();
  private String name = "";
  private String table = "";
  private long nextId;

  /** Whether the table has a column {@code over} over the computed one. */
  private boolean dependent;

  private int texts;

  /** What the table held in each version at which a step was over. */
  private final TreeMap<Long, TableModel> versions = new TreeMap<>();

  private final List<String> steps = new ArrayList<>();

  @BeforeAll
  static void start() {
    session.spark().udf().register("hashed", new Hashed(), DataTypes.IntegerType);
  }

  /** Counts its calls; local sessions only. */
  private static final class Hashed implements UDF2<Long, String, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Long id, String text) {
      CALLS.increment();
      if (ACTS_AT.compareAndSet(id, -1)) {
        action.run();
      }
      if (id == FAILS_AT.get()) {
        throw new IllegalArgumentException("row " + id + " is not to my taste");
      }
      return TableModel.compute(id, text, 0);
    }
  }

  @TestFactory
  Stream<DynamicTest> tableAndRecordsAgreeWithTheModel() {
    return IntStream.range(0, COUNT)
        .mapToObj(
            i -> DynamicTest.dynamicTest("histories.seed=" + (SEED + i), () -> checked(SEED + i)));
  }

  private void checked(long seed) {
    try {
      run((int) (seed % 1000), seed);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "-Dhistories.count=1 -Dhistories.seed=" + seed + " after " + steps, e);
    }
  }

  private void run(int number, long seed) {
    random = new Random(seed);
    model = new TableModel();
    versions.clear();
    steps.clear();
    nextId = 0;
    dependent = number % 10 == 0;
    name = "random" + number;
    table = "lance.default." + name;
    create();
    for (int step = 0; step < STEPS; step++) {
      step();
      check();
      versions.put(version(), model.copy());
    }
    backfill("", id -> true, false);
    check();
    if (dependent) {
      backfillOver();
    }
    session.sql("DROP TABLE %s PURGE", table);
  }

  private void create() {
    String format = List.of("2.0", "2.1", "2.2").get(random.nextInt(3));
    boolean stableRowIds = random.nextBoolean();
    steps.add(format + (stableRowIds ? " with stable row ids" : ""));
    session.sql(
        "CREATE TABLE %s (id BIGINT, text STRING) TBLPROPERTIES ('file_format_version'='%s',"
            + " 'enable_stable_row_ids'='%s')",
        table, format, stableRowIds);
    append(false);
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'hashed(id, text)',"
            + " options => map('version', '0'))",
        table);
    if (dependent) {
      session.call("add_column('%s', 'over', 'n + 1')", table);
    }
    versions.put(version(), model.copy());
  }

  private long version() {
    return LanceTables.latest(DatasetRef.of(session.folder(name).toString())).version();
  }

  private void step() {
    List<Step> possible = new ArrayList<>(STEPS_OF_ALL);
    if (dependent) {
      possible.addAll(List.of(Step.BACKFILL_OVER, Step.BACKFILL_OVER, Step.BACKFILL_OVER));
    } else {
      possible.addAll(RENAMES);
    }
    switch (possible.get(random.nextInt(possible.size()))) {
      case APPEND -> append(model.rows.size() > 0 && random.nextInt(3) == 0);
      case UPDATE -> update();
      case MERGE -> merge();
      case DELETE -> delete();
      case COMPACT -> compact();
      case ALTER -> alter();
      case BACKFILL -> backfill("", id -> true, random.nextInt(4) == 0);
      case BACKFILL_SOME -> {
        if (model.staleWithoutDifference()) {
          // Values do not tell then which rows outside of the condition a staged file filled.
          backfill("", id -> true, false);
        } else {
          int modulus = 2 + random.nextInt(4);
          backfill("id %% %d = 1".formatted(modulus), id -> id % modulus == 1, false);
        }
      }
      case FAIL -> failAndResume();
      case RESTORE -> restore();
      case CAST_INPUT -> cast();
      case RENAME_INPUT -> {
        String renamed = model.input.equals("text") ? "words" : "text";
        rename(model.input, renamed);
        model.input = renamed;
      }
      case RENAME_COLUMN -> {
        String renamed = model.column.equals("n") ? "number" : "n";
        rename(model.column, renamed);
        model.column = renamed;
      }
      case BACKFILL_OVER -> backfillOver();
    }
  }

  private void restore() {
    List<Long> all = List.copyOf(versions.keySet());
    long to = all.get(random.nextInt(all.size()));
    steps.add("restore " + to + " of " + all);
    restore(to);
    model = versions.get(to).restored(model.recorded);
  }

  private void restore(long to) {
    pylance("ds = lance.dataset(uri, version=%d)\nds.restore()".formatted(to));
  }

  /** Puts the input's values into new files, as another type. */
  private void cast() {
    model.largeInput = !model.largeInput;
    steps.add("cast to " + inputType());
    pylance(
        "lance.dataset(uri).alter_columns({'path': '%s', 'data_type': %s})"
            .formatted(model.input, inputType()));
    model.stale();
  }

  private String inputType() {
    return model.largeInput ? "pa.large_string()" : "pa.string()";
  }

  private void rename(String from, String to) {
    steps.add("rename " + from + " to " + to);
    pylance("lance.dataset(uri).alter_columns({'path': '%s', 'name': '%s'})".formatted(from, to));
  }

  /** The dependent column is computed wherever its input has a value that is not stale. */
  private void backfillOver() {
    steps.add("backfill over");
    List<Long> available =
        model.rows.entrySet().stream()
            .filter(
                e ->
                    e.getValue().state() == TableModel.State.FRESH
                        || e.getValue().state() == TableModel.State.UNKNOWN)
            .map(e -> e.getKey())
            .toList();
    Row result = session.call("backfill('%s', 'over')", table);
    assertThat(result.<Long>getAs("rows_computed"))
        .as("rows over available ones")
        .isLessThanOrEqualTo(available.size());
    assertThat(session.coverage(table, "over").get(0))
        .as("fresh over available ones")
        .isEqualTo(available.size());
    assertThat(session.call("backfill('%s', 'over')", table).<Long>getAs("rows_computed")).isZero();
    for (Row row : session.sql("SELECT id, n, over FROM %s", table).collectAsList()) {
      if (available.contains(row.getLong(0))) {
        assertThat(row.getInt(2)).as("over of " + row).isEqualTo(row.getInt(1) + 1);
      }
    }
  }

  private void append(boolean filled) {
    List<Long> ids = LongStream.range(nextId, nextId + 5 + random.nextInt(40)).boxed().toList();
    nextId += ids.size();
    boolean declared = !steps.isEmpty() && steps.size() > 1;
    steps.add("append " + ids.size() + (filled ? " filled" : ""));
    List<String> rowTexts = ids.stream().map(id -> text()).toList();
    for (int i = 0; i < ids.size(); i++) {
      model.append(ids.get(i), rowTexts.get(i), filled ? Integer.valueOf(-7) : null);
    }
    String column = filled && declared ? ", '%s': pa.array([-7] * %d, pa.int32())" : "";
    pylance(
        "lance.write_dataset(pa.table({'id': pa.array(%s, pa.int64()), %s%s}), uri, mode='append', max_rows_per_file=%d)"
            .formatted(
                ids,
                inputs(rowTexts),
                column.formatted(model.column, ids.size()),
                5 + random.nextInt(30)));
  }

  private void update() {
    int modulus = 2 + random.nextInt(9);
    String text = text();
    steps.add("update id % " + modulus);
    for (long id : List.copyOf(model.rows.keySet())) {
      if (id % modulus == 1) {
        model.write(id, text, model.rows.get(id).value());
      }
    }
    pylance(
        "lance.dataset(uri).update({'%s': \"'%s'\"}, where='id %% %d = 1')"
            .formatted(model.input, text, modulus));
  }

  private void merge() {
    List<Long> ids = new ArrayList<>();
    for (long id : model.rows.keySet()) {
      if (random.nextInt(8) == 0) {
        ids.add(id);
      }
    }
    ids.add(nextId++);
    steps.add("merge " + ids.size());
    List<String> rowTexts = ids.stream().map(id -> text()).toList();
    for (int i = 0; i < ids.size(); i++) {
      model.write(ids.get(i), rowTexts.get(i), null);
    }
    pylance(
        "none = pa.array([None] * %d, pa.int32())\nrows = pa.table({'id': pa.array(%s, pa.int64()), %s, '%s': none%s})\n"
                .formatted(
                    ids.size(),
                    ids,
                    inputs(rowTexts),
                    model.column,
                    dependent ? ", 'over': none" : "")
            + "lance.dataset(uri).merge_insert('id').when_matched_update_all()"
            + ".when_not_matched_insert_all().execute(rows)");
  }

  private void delete() {
    int modulus = 3 + random.nextInt(5);
    steps.add("delete id % " + modulus);
    model.rows.keySet().removeIf(id -> id % modulus == 2);
    pylance("lance.dataset(uri).delete('id %% %d = 2')".formatted(modulus));
  }

  private void compact() {
    int target = 10 + random.nextInt(100);
    steps.add("compact to " + target);
    pylance(
        "lance.dataset(uri).optimize.compact_files(target_rows_per_fragment=%d)".formatted(target));
  }

  private void alter() {
    steps.add("alter");
    model.altered();
    session.call(
        "alter_column(table => '%s', column => '%s', expression => 'hashed(id, %s) + %d')",
        table, model.column, model.input, model.function * 1_000_000);
  }

  private void backfill(String where, LongPredicate selected, boolean recomputeUnknown) {
    List<Long> needed = model.needed(selected, recomputeUnknown);
    boolean disturbed = !needed.isEmpty() && random.nextInt(4) == 0;
    List<Long> alike =
        versions.keySet().stream().filter(version -> alike(versions.get(version), model)).toList();
    long to = alike.isEmpty() ? 0 : alike.get(random.nextInt(alike.size()));
    steps.add(
        "backfill %s%s%s"
            .formatted(
                where,
                recomputeUnknown ? " unknown" : "",
                disturbed && to > 0 ? " while restoring " + to + " of " + alike : ""));
    boolean[] restored = {false};
    if (disturbed && to > 0) {
      action =
          () -> {
            restore(to);
            restored[0] = true;
          };
      ACTS_AT.set(needed.get(random.nextInt(needed.size())));
    }
    CALLS.reset();
    Row result = session.call("backfill(%s)", options(where, recomputeUnknown));
    ACTS_AT.set(-1);
    long computed = result.<Long>getAs("rows_computed");
    assertThat(CALLS.sum()).as("calls").isEqualTo(computed);
    if (restored[0]) {
      model = versions.get(to).restored(true);
      needed = model.needed(selected, recomputeUnknown);
    }
    Set<Long> filled = new TreeSet<>(filledAsWell(needed));
    filled.addAll(needed);
    if (!restored[0]) {
      assertThat(computed + result.<Long>getAs("rows_from_checkpoints"))
          .as("rows of the job")
          .isEqualTo(filled.size());
    }
    model.computed(filled);
  }

  private static boolean alike(TableModel one, TableModel other) {
    return one.function == other.function
        && one.column.equals(other.column)
        && one.input.equals(other.input);
  }

  /** Rows that a job was not asked for and took from files that were staged before. */
  private List<Long> filledAsWell(List<Long> asked) {
    Map<Long, Integer> values = values();
    return model.needed(id -> !asked.contains(id), true).stream()
        .filter(id -> !Integer.valueOf(model.right(id)).equals(model.rows.get(id).value()))
        .filter(id -> Integer.valueOf(model.right(id)).equals(values.get(id)))
        .toList();
  }

  /** A job that fails somewhere; the next one needs no row again that this one finished. */
  private void failAndResume() {
    List<Long> needed = model.needed(id -> true, false);
    if (needed.isEmpty() || model.staleWithoutDifference()) {
      steps.add("nothing to fail on");
      return;
    }
    long failing = needed.get(random.nextInt(needed.size()));
    steps.add("fail at " + failing);
    FAILS_AT.set(failing);
    try {
      assertThatThrownBy(() -> session.call("backfill(%s)", options("", false)))
          .hasMessageContaining("row " + failing + " is not to my taste");
    } finally {
      FAILS_AT.set(-1);
    }
    List<Long> committed = filledAsWell(List.of());
    assertThat(committed).doesNotContain(failing);
    model.computed(committed);
  }

  private String options(String where, boolean recomputeUnknown) {
    return "table => '%s', column => '%s', commit_granularity => %d%s%s"
        .formatted(
            table,
            model.column,
            1 + random.nextInt(3),
            where.isEmpty() ? "" : ", where => '" + where + "'",
            recomputeUnknown ? ", recompute_unknown => true" : "");
  }

  private void check() {
    Map<Long, Integer> expected = new TreeMap<>();
    model.rows.forEach((id, row) -> expected.put(id, row.value()));
    assertThat(values()).as("values").isEqualTo(expected);
    assertThat(session.coverage(table, model.column)).as("coverage").isEqualTo(model.coverage());
    if (dependent) {
      assertThat(session.coverage(table, "over").get(0))
          .as("rows that are called fresh")
          .isLessThanOrEqualTo(session.number("SELECT count(*) FROM %s WHERE over = n + 1", table));
    }
  }

  private Map<Long, @Nullable Integer> values() {
    Map<Long, @Nullable Integer> values = new TreeMap<>();
    for (Row row : session.sql("SELECT id, %s FROM %s", model.column, table).collectAsList()) {
      values.put(row.getLong(0), row.isNullAt(1) ? null : row.getInt(1));
    }
    return values;
  }

  private String text() {
    return "text " + texts++;
  }

  /** The input's part of a pyarrow table. */
  private String inputs(List<String> rowTexts) {
    return "'%s': pa.array(%s, %s)"
        .formatted(
            model.input,
            rowTexts.stream().collect(Collectors.joining("', '", "['", "']")),
            inputType());
  }

  private void pylance(String script) {
    Pylance.run(session.folder(name), script);
  }
}
