package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.fingerprint.JavaFingerprint;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ScalarUdf;
import io.lancebackfill.udf.ScalarUdf1;
import io.lancebackfill.udf.ScalarUdf2;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.example.LetterFrequencies;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Functions in Java, from their class to the values of a table. */
class TestJavaFunctions {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static void register(String name, Class<?> function) {
    session.call("register_function('%s', 'java', '%s')", name, function.getName());
  }

  /** Length of the text times a factor; NULL for NULL; throws for every tenth id. */
  public static final class Weighed
      implements ScalarUdf2<@Nullable Long, @Nullable String, Double> {
    static final LongAdder CALLS = new LongAdder();

    private double factor;

    @Override
    public void open(UdfContext context) {
      factor = Double.parseDouble(context.options().get("factor"));
    }

    @Override
    public @Nullable Double call(@Nullable Long id, @Nullable String text) {
      CALLS.increment();
      if (id != null && id % 10 == 9) {
        throw new IllegalArgumentException("no weight of " + id);
      }
      return text == null ? null : text.length() * factor;
    }
  }

  @Test
  void aFunctionOnJavaValuesComputesRowByRow() {
    String table = session.table("weighed", 100, 2, "2.1");
    session.sql("INSERT INTO %s VALUES (200, NULL)", table);
    Row registered =
        session.call(
            "register_function('weighed', 'java', '%s', map('factor', '0.5'))",
            Weighed.class.getName());
    assertThat(registered.<String>getAs("function_fingerprint"))
        .isEqualTo(JavaFingerprint.ofClass("weighed", Weighed.class));
    Row declared = session.call("add_column('%s', 'w', 'weighed(id, text)')", table);
    assertThat(declared.<String>getAs("data_type")).isEqualTo("double");
    Row result =
        session.call(
            "backfill(table => '%s', column => 'w', on_error => 'null', job_id => 'first')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(10);
    // Good rows of a batch with failed ones are not computed again.
    assertThat(Weighed.CALLS.sum()).isEqualTo(101);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE w IS DISTINCT FROM"
                    + " IF(id %% 10 = 9, NULL, length(text) * 0.5D)",
                table))
        .isZero();
    Row error = session.sql("CALL lance.system.errors('%s', 'first')", table).first();
    assertThat(error.<String>getAs("code")).isEqualTo("FUNCTION_RAISED");
    assertThat(error.<String>getAs("message"))
        .startsWith("java.lang.IllegalArgumentException: no weight of ");
    assertThat(error.<String>getAs("trace"))
        .contains("Weighed.call(TestJavaFunctions.java:")
        .doesNotContain("JavaSignature");
    assertThat(session.coverage(table, "w")).containsExactly(91L, 0L, 10L, 0L, 0L);
    assertThatThrownBy(() -> session.call("backfill('%s', 'w')", table))
        .hasMessageStartingWith("[FUNCTION_FAILED] ")
        .hasMessageContaining("no weight of ")
        .hasMessageContaining("in function 'weighed', on the row at physical offset 9");
  }

  @Test
  void argumentsThatDoNotFitAreToldTogether() {
    String table = session.table("unfit", 10, 1, "2.1");
    register("heavy", Weighed.class);
    assertThatThrownBy(() -> session.call("add_column('%s', 'w', 'heavy(text, id)')", table))
        .hasMessageStartingWith("[INVALID_FUNCTION] Function 'heavy' does not take the arguments")
        .hasMessageContaining("argument 1 is Long, and column 'text' is of type Utf8")
        .hasMessageContaining("argument 2 is String, and column 'id' is of type Int(64, true)");
  }

  @Test
  void withoutAClassTheOneThatAJarListsIsMeant() {
    // LetterFrequencies is listed by our own jar.
    Row found = session.call("register_function('LETTERFREQUENCIES', 'java')");
    assertThat(found.<String>getAs("class")).isEqualTo(LetterFrequencies.class.getName());
    assertThatThrownBy(() -> session.call("register_function('nobody', 'java')"))
        .hasMessageStartingWith(
            "[MISSING_ARGUMENT] Argument 'class' is missing. No function 'nobody'")
        .hasMessageContaining("LetterFrequencies (" + LetterFrequencies.class.getName() + ")");
  }

  public static final class Vector implements ScalarUdf1<String, float[]> {
    @Override
    public Optional<Field> output(List<Field> inputs) {
      return Optional.of(ScalarUdf.vector(3));
    }

    @Override
    public float[] call(String text) {
      return new float[] {text.length(), 0.5F, -1};
    }
  }

  @Test
  void arraysAreVectors() {
    String table = session.table("floats", 20, 1, "2.1");
    register("embed", Vector.class);
    assertThat(
            session.call("add_column('%s', 'v', 'embed(text)')", table).<String>getAs("data_type"))
        .isEqualTo("fixed_size_list<float>[3]");
    session.call("backfill('%s', 'v')", table);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE v = array(float(length(text)), 0.5F, -1F)", table))
        .isEqualTo(20);
  }

  public record Parts(int length, @Nullable String first, List<String> words) {}

  /** No parts for every third length. */
  public static final class Split implements ScalarUdf1<String, @Nullable Parts> {
    static final LongAdder CALLS = new LongAdder();

    @Override
    public @Nullable Parts call(String text) {
      CALLS.increment();
      return text.length() % 3 == 0
          ? null
          : new Parts(text.length(), text.substring(0, 1), List.of(text.split(" ")));
    }
  }

  @Test
  void aRecordFillsAGroupOfColumns() {
    String table = session.table("parts", 60, 3, "2.1");
    register("split_text", Split.class);
    List<Row> declared =
        session
            .sql(
                "CALL lance.system.add_column(table => '%s', columns => array('n', 'f', 'w'),"
                    + " expression => 'split_text(text)')",
                table)
            .collectAsList();
    assertThat(declared.stream().map(r -> r.getString(0) + " " + r.getString(1)))
        .containsExactly("n int", "f string", "w array<string>");
    Split.CALLS.reset();
    Row result = session.call("backfill('%s', 'f')", table);
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(60);
    assertThat(Split.CALLS.sum()).isEqualTo(60);
    String none = "length(text) %% 3 = 0";
    assertThat(
            session.number(
                ("SELECT count(*) FROM %s WHERE n IS DISTINCT FROM IF("
                    + none
                    + ", NULL, length(text)) OR f IS DISTINCT FROM IF("
                    + none
                    + ", NULL, 't') OR w IS DISTINCT FROM IF("
                    + none
                    + ", NULL, split(text, ' '))"),
                table))
        .isZero();
    assertThat(session.coverage(table, "w")).containsExactly(60L, 0L, 0L, 0L, 0L);
    assertThat(session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed")).isZero();
  }

  /** The id's quotient and rest by 10; throws at 33, is NULL at 44. */
  public static final class Divided implements ColumnUdf {
    private static final Field OUTPUT =
        new Field(
            "parts",
            FieldType.nullable(ArrowType.Struct.INSTANCE),
            List.of(
                Field.nullable("quotient", new ArrowType.Int(64, true)),
                Field.nullable("rest", new ArrowType.Int(64, true))));

    @Override
    public Field output(List<Field> inputs) {
      return OUTPUT;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      BigIntVector ids = (BigIntVector) inputs.get(0);
      for (int i = 0; i < rows; i++) {
        if (ids.get(i) == 33) {
          throw new IllegalStateException("not 33");
        }
      }
      StructVector struct = (StructVector) OUTPUT.createVector(allocator);
      BigIntVector quotient = (BigIntVector) struct.getChildByOrdinal(0);
      BigIntVector rest = (BigIntVector) struct.getChildByOrdinal(1);
      for (int i = 0; i < rows; i++) {
        quotient.setSafe(i, ids.get(i) / 10);
        rest.setSafe(i, ids.get(i) % 10);
        if (ids.get(i) != 44) {
          struct.setIndexDefined(i);
        }
      }
      struct.setValueCount(rows);
      return struct;
    }
  }

  @Test
  void aStructOfAFunctionOnBatchesFillsAGroup() {
    String table = session.table("divided", 60, 2, "2.1");
    register("divided", Divided.class);
    session
        .sql(
            "CALL lance.system.add_column(table => '%s', columns => array('q', 'r'),"
                + " expression => 'divided(id)')",
            table)
        .collectAsList();
    Row result =
        session.call(
            "backfill(table => '%s', column => 'q', on_error => 'null', batch_size => 7)", table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(1);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE q IS DISTINCT FROM IF(id IN (33, 44), NULL, id div"
                    + " 10) OR r IS DISTINCT FROM IF(id IN (33, 44), NULL, id %% 10)",
                table))
        .isZero();
    assertThat(session.coverage(table, "r")).containsExactly(59L, 0L, 1L, 0L, 0L);
  }

  /** Adds what it has loaded; counts how often that was, and how many calls run at once in it. */
  public static final class Loaded implements ScalarUdf1<Long, Long> {
    static final AtomicInteger OPENED = new AtomicInteger();
    static final AtomicInteger SHARED = new AtomicInteger();

    private final AtomicInteger callers = new AtomicInteger();
    private @Nullable Long model;

    @Override
    public boolean reusable() {
      return true;
    }

    @Override
    public void open(UdfContext context) {
      OPENED.incrementAndGet();
      model = Long.parseLong(context.options().get("model"));
    }

    @Override
    public Long call(Long id) {
      if (callers.incrementAndGet() > 1) {
        SHARED.incrementAndGet();
      }
      try {
        return id + model;
      } finally {
        callers.decrementAndGet();
      }
    }
  }

  @Test
  void aReusableFunctionIsOpenedOnceForEachSlot() {
    String table = session.table("loaded", 400, 40, "2.1");
    session.call(
        "register_function('loaded', 'java', '%s', map('model', '7'))", Loaded.class.getName());
    session.call("add_column('%s', 'm', 'loaded(id)')", table);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'm', commit_granularity => 1, batch_size => 1)",
            table);
    assertThat(result.<Long>getAs("fragments_committed")).isEqualTo(40);
    assertThat(result.<Long>getAs("commits")).isGreaterThan(5);
    session.call("backfill(table => '%s', column => 'm', recompute => true)", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE m = id + 7", table)).isEqualTo(400);
    assertThat(Loaded.OPENED.get()).isBetween(1, 2);
    assertThat(Loaded.SHARED.get()).isZero();
    // Other options are another instance.
    session.call(
        "register_function('loaded2', 'java', '%s', map('model', '8'))", Loaded.class.getName());
    session.call("add_column('%s', 'm2', 'loaded2(id)')", table);
    session.call("backfill('%s', 'm2')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE m2 = id + 8", table)).isEqualTo(400);
    assertThat(Loaded.OPENED.get()).isBetween(2, 4);
  }
}
