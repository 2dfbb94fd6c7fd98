package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random sequences of what writers and jobs do to a table, against a model of each row: values,
 * coverage and calls of the function agree after every step. {@code -Dhistories.count} says how
 * many, {@code -Dhistories.seed} which.
 */
class TestRandomHistories {
  private static final int COUNT = Integer.getInteger("histories.count", 200);
  private static final long SEED = Long.getLong("histories.seed", System.nanoTime());
  private static final int STEPS = 6;

  private static final LongAdder CALLS = new LongAdder();

  /** The row on which the function fails; none if negative. */
  private static final AtomicLong FAILS_AT = new AtomicLong(-1);

  @TempDir private static Path root;
  private static BackfillSession session;
  private static PylanceProcess pylance;

  private Random random = new Random();
  private TableModel model = new TableModel();
  private String name = "";
  private String table = "";
  private long nextId;
  private int texts;
  private final List<String> steps = new ArrayList<>();

  @BeforeAll
  static void start() {
    session = new BackfillSession(root);
    session.spark.udf().register("hashed", new Hashed(), DataTypes.IntegerType);
    pylance = new PylanceProcess();
  }

  @AfterAll
  static void stop() {
    pylance.close();
    session.close();
  }

  /** Counts its calls; local sessions only. */
  private static final class Hashed implements UDF2<Long, String, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Long id, String text) {
      CALLS.increment();
      if (id == FAILS_AT.get()) {
        throw new IllegalArgumentException("row " + id + " is not to my taste");
      }
      return TableModel.compute(id, text, 0);
    }
  }

  @Test
  void tableAndRecordsAgreeWithTheModel() {
    for (int i = 0; i < COUNT; i++) {
      long seed = SEED + i;
      try {
        run(i, seed);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(
            "-Dhistories.count=1 -Dhistories.seed=" + seed + " after " + steps, e);
      }
    }
  }

  private void run(int number, long seed) {
    random = new Random(seed);
    model = new TableModel();
    steps.clear();
    nextId = 0;
    name = "random" + number;
    table = "lance.default." + name;
    create();
    for (int step = 0; step < STEPS; step++) {
      step();
      check();
    }
    backfill("", id -> true, false);
    check();
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
  }

  private void step() {
    switch (random.nextInt(11)) {
      case 0, 1 -> append(model.rows.size() > 0 && random.nextInt(3) == 0);
      case 2 -> update();
      case 3 -> merge();
      case 4 -> delete();
      case 5, 6 -> compact();
      case 7 -> alter();
      case 8 -> backfill("", id -> true, random.nextInt(4) == 0);
      case 9 -> {
        int modulus = 2 + random.nextInt(4);
        backfill("id %% %d = 1".formatted(modulus), id -> id % modulus == 1, false);
      }
      default -> failAndResume();
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
    String column = filled && declared ? ", 'n': pa.array([-7] * %d, pa.int32())" : "";
    pylance(
        "lance.write_dataset(pa.table({'id': pa.array(%s, pa.int64()), 'text': %s%s}), uri, mode='append', max_rows_per_file=%d)"
            .formatted(
                ids, quoted(rowTexts), column.formatted(ids.size()), 5 + random.nextInt(30)));
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
        "lance.dataset(uri).update({'text': \"'%s'\"}, where='id %% %d = 1')"
            .formatted(text, modulus));
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
        "rows = pa.table({'id': pa.array(%s, pa.int64()), 'text': %s, 'n': pa.array([None] * %d, pa.int32())})\n"
                .formatted(ids, quoted(rowTexts), ids.size())
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
        "alter_column(table => '%s', column => 'n', expression => 'hashed(id, text) + %d')",
        table, model.function * 1_000_000);
  }

  private void backfill(
      String where, java.util.function.LongPredicate selected, boolean recomputeUnknown) {
    steps.add("backfill " + where + (recomputeUnknown ? " unknown" : ""));
    List<Long> needed = model.needed(selected, recomputeUnknown);
    CALLS.reset();
    Row result = session.call("backfill(%s)", options(where, recomputeUnknown));
    assertThat(result.<Long>getAs("rows_computed") + result.<Long>getAs("rows_from_checkpoints"))
        .as("rows of the job")
        .isEqualTo(needed.size());
    assertThat(CALLS.sum()).as("calls").isEqualTo(result.<Long>getAs("rows_computed"));
    model.computed(needed);
  }

  /** A job that fails somewhere; the next one needs no row again that this one finished. */
  private void failAndResume() {
    List<Long> needed = model.needed(id -> true, false);
    if (needed.isEmpty()) {
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
    Map<Long, Integer> values = values();
    List<Long> committed =
        needed.stream()
            .filter(
                id ->
                    Integer.valueOf(
                            TableModel.compute(id, model.rows.get(id).text(), model.function))
                        .equals(values.get(id)))
            .toList();
    assertThat(committed).doesNotContain(failing);
    model.computed(committed);
  }

  private String options(String where, boolean recomputeUnknown) {
    return "table => '%s', column => 'n', commit_granularity => %d%s%s"
        .formatted(
            table,
            1 + random.nextInt(3),
            where.isEmpty() ? "" : ", where => '" + where + "'",
            recomputeUnknown ? ", recompute_unknown => true" : "");
  }

  private void check() {
    Map<Long, Integer> expected = new TreeMap<>();
    model.rows.forEach((id, row) -> expected.put(id, row.value()));
    assertThat(values()).as("values").isEqualTo(expected);
    assertThat(session.coverage(table, "n")).as("coverage").isEqualTo(model.coverage());
  }

  private Map<Long, @Nullable Integer> values() {
    Map<Long, @Nullable Integer> values = new TreeMap<>();
    for (Row row : session.sql("SELECT id, n FROM %s", table).collectAsList()) {
      values.put(row.getLong(0), row.isNullAt(1) ? null : row.getInt(1));
    }
    return values;
  }

  private String text() {
    return "text " + texts++;
  }

  private static String quoted(List<String> texts) {
    return texts.stream().collect(Collectors.joining("', '", "['", "']"));
  }

  private void pylance(String script) {
    pylance.run(session.folder(name), script);
  }
}
