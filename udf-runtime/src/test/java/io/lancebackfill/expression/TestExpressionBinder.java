package io.lancebackfill.expression;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.expression.BoundExpression.Kind;
import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.expression.UsedFunction.Language;
import io.lancebackfill.spark.PythonFunctions;
import io.lancebackfill.spark.SparkExtension;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.assertj.core.api.AbstractThrowableAssert;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(SparkExtension.class)
class TestExpressionBinder {
  private static final StructType SCHEMA =
      StructType.fromDDL(
          "id BIGINT NOT NULL, Text STRING, n INT, d DATE, ts TIMESTAMP, arr ARRAY<INT>,"
              + " info STRUCT<Name: STRING, size: BIGINT>, `a b` DOUBLE");
  private static final List<UdfDescriptor> FUNCTIONS =
      List.of(
          UdfDescriptor.java("Embed", Embed.class.getName()),
          UdfDescriptor.java("versioned", Versioned.class.getName()),
          UdfDescriptor.java("gone", "no.such.Class"),
          UdfDescriptor.java("upper", Embed.class.getName()),
          new UdfDescriptor("py", "python", "m.f", null, Map.of()),
          new UdfDescriptor("rb", "ruby", "m.f", null, Map.of()));

  private SparkSession spark;

  @BeforeEach
  void session(SparkSession session) {
    spark = session;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          length(text) + 1 AND   | 'AND' too many (line 1, position 18)
          length(text) bigint    | 'bigint' too many (line 1, position 14)
          length(text) desc      | 'desc' too many (line 1, position 14)
          length(text) `other`   | '`other`' too many (line 1, position 14)
          length(text) AS other  | 'other' too many (line 1, position 17)
          length(text) n         | 'n' too many (line 1, position 14)
          length(text),          | cannot be parsed
          length(text);          | cannot be parsed
          length(text), id       | cannot be parsed
          length(text) \\\\        | cannot be parsed
          length(text) AS        | 'AS' too many (line 1, position 14)
          """)
  void refusesWordsThatMeanNothing(String text, String because) {
    assertThatThrownBy(() -> binder(spark).bind(text, null, "n"))
        .isInstanceOf(ExpressionException.class)
        .hasMessageStartingWith("[INVALID_EXPRESSION] ")
        .hasMessageContaining(because);
  }

  @Test
  void takesANameThatIsTheColumnsOwnAndWhatWasDeclaredBeforeItWasRefused() {
    assertThat(binder(spark).bind("length(text) AS N", null, "n").dataType().sql())
        .isEqualTo("INT");
    assertThat(binder(spark).bindDeclared("length(text) desc", null).inputs())
        .containsExactly("Text");
  }

  @Test
  void bindsTypeInputsAndText() {
    BoundExpression bound = bind("length( TEXT ) + ID  -- how long");

    assertThat(bound.kind()).isEqualTo(Kind.SQL);
    assertThat(bound.sql()).isEqualTo("length(Text) + id");
    assertThat(bound.dataType()).isEqualTo(DataTypes.LongType);
    assertThat(bound.nullable()).isTrue();
    assertThat(bound.inputs()).containsExactly("id", "Text");
    assertThat(bound.arrowCall()).isEmpty();
    assertThat(bound.functions()).isEmpty();
    assertThat(bound.fingerprint()).matches("[0-9a-f]{32}");
    assertThat(bind("id + 1").nullable()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          1 + 1                                         | INT           |
          `A B` / 2                                     | DOUBLE        | a b
          info.name                                     | STRING        | info
          transform(arr, x -> x + n)                    | ARRAY<INT>    | n,arr
          filter(arr, (x, i) -> i > 0)                  | ARRAY<INT>    | arr
          to_timestamp(text)                            | TIMESTAMP     | Text
          date_add(d, 1)  -- the next day               | DATE          | d
          unix_timestamp(ts)                            | BIGINT        | ts
          aes_encrypt(text, '0000111122223333', 'ECB')  | BINARY        | Text
          coalesce(text, 'today')                       | STRING        | Text
          hash(id, text)                                | INT           | id,Text
          named_struct('a', id, 'b', arr[0]).b          | INT           | id,arr
          """)
  void bindsRowWiseExpressions(String text, String type, @Nullable String inputs) {
    BoundExpression bound = bind(text);

    assertThat(bound.dataType().sql()).isEqualTo(type);
    assertThat(String.join(",", bound.inputs())).isEqualTo(inputs == null ? "" : inputs);
    assertThat(bind(bound.sql()).fingerprint()).isEqualTo(bound.fingerprint());
  }

  @Test
  void theCanonicalTextComputesTheSame() {
    spark.range(5).selectExpr("id", "CAST(id AS STRING) Text").createOrReplaceTempView("t");
    String text = "CASE WHEN ID%2==0 THEN upper( concat('v',text) ) ELSE `Text` END /* x */";

    assertThat(spark.table("t").selectExpr(bind(text).sql()).collectAsList())
        .isEqualTo(spark.table("t").selectExpr(text).collectAsList());
  }

  @Test
  void theFingerprintIsTheSameInEverySession(SparkSession other) {
    String here = bind("to_date(text) > d").fingerprint();
    other.conf().set("spark.sql.ansi.enabled", "FALSE");
    other.conf().set("spark.sql.legacy.timeParserPolicy", "exception");

    assertThat(binder(other).bind("TO_DATE(Text)  >  D").fingerprint()).isEqualTo(here);
  }

  @ParameterizedTest
  @CsvSource({
    "spark.sql.session.timeZone, America/Lima",
    "spark.sql.ansi.enabled, true",
    "spark.sql.legacy.timeParserPolicy, LEGACY",
    "spark.sql.mapKeyDedupPolicy, LAST_WIN"
  })
  void settingsThatChangeEvaluationCount(String key, String value, SparkSession other) {
    String here = bind("to_date(text)").fingerprint();
    other.conf().set(key, value);
    BoundExpression there = binder(other).bind("to_date(text)");

    assertThat(there.fingerprint()).isNotEqualTo(here);
    assertThat(there.settings()).containsEntry(key, value);
    assertThat(EvaluationSettings.of(EvaluationSettings.restore(spark, there.settings())))
        .isEqualTo(there.settings());
  }

  @Test
  void aColumnAddedLaterDoesNotCount() {
    String text = "CASE WHEN n > 1 THEN cast(text AS Date) END";
    StructType wider = StructType.fromDDL(SCHEMA.toDDL() + ", `when` INT, `Cast` INT, `date` INT");

    assertThat(new ExpressionBinder(spark, wider, FUNCTIONS).bind(text).fingerprint())
        .isEqualTo(bind(text).fingerprint());
  }

  @Test
  void otherSettingsDoNotCount(SparkSession other) {
    String here = bind("to_date(text)").fingerprint();
    other.conf().set("spark.sql.shuffle.partitions", "7");
    other.conf().set("spark.sql.legacy.createHiveTableByDefault", "false");

    assertThat(binder(other).bind("to_date(text)").fingerprint()).isEqualTo(here);
  }

  @Test
  void whatSparkPrintsAlikeDiffers() {
    assertThat(bind("from_json(text, 'a INT').a").fingerprint())
        .isNotEqualTo(bind("from_json(text, 'a INT, b INT').a").fingerprint());
    assertThat(bind("aggregate(arr, 0, (x, y) -> x)").fingerprint())
        .isNotEqualTo(bind("aggregate(arr, 0, (x, y) -> y)").fingerprint());
    assertThat(bind("text LIKE 'a!%' ESCAPE '!'").fingerprint())
        .isNotEqualTo(bind("text LIKE 'a!%'").fingerprint());
  }

  @Test
  void aFunctionsCodeCounts(SparkSession other) {
    spark.udf().register("f", new PlusOne(), DataTypes.IntegerType);
    other.udf().register("f", new PlusTwo(), DataTypes.IntegerType);

    BoundExpression bound = bind("F(n) * 2");

    assertThat(bound.functions())
        .singleElement()
        .satisfies(
            f -> {
              assertThat(f.name()).isEqualTo("f");
              assertThat(f.language()).isEqualTo(Language.JAVA);
            });
    assertThat(binder(other).bind("f(n) * 2").fingerprint()).isNotEqualTo(bound.fingerprint());
    assertThat(binder(other).bind("f(n) * 2", "1").fingerprint())
        .isEqualTo(binder(spark).bind("f(n) * 2", "1").fingerprint())
        .isNotEqualTo(binder(spark).bind("f(n) * 2", "2").fingerprint());
  }

  @Test
  void aFunctionWithoutAFingerprintNeedsAVersion() {
    spark.udf().register("l", (UDF1<Integer, Integer>) x -> x + 1, DataTypes.IntegerType);

    assertFaults("l(n) + l(n)", Code.FUNCTION_NEEDS_VERSION)
        .hasMessageContaining("Function 'l' needs a version: it is a lambda")
        .hasMessageContaining("Give it one, options => map('version', '1'), and change it");
    assertThat(binder(spark).bind("l(n)", "3").functions()).isEmpty();
  }

  @Test
  void anExtensionsFunctionThatReplacesSparksOwnIsSeen() {
    spark.udf().register("lower", new Shout(), DataTypes.StringType);

    assertThat(bind("lower(text)").functions()).extracting(UsedFunction::name).contains("lower");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
text +                        | INVALID_EXPRESSION           | cannot be parsed
a, b                          | INVALID_EXPRESSION           | cannot be parsed
nope + 1                      | INVALID_EXPRESSION           | `nope`
info.nope                     | INVALID_EXPRESSION           | nope
arr + 1                       | INVALID_EXPRESSION           | DATATYPE_MISMATCH
*                             | INVALID_EXPRESSION           | Name each column
struct(*)                     | INVALID_EXPRESSION           | Name each column
length(text, text)            | INVALID_EXPRESSION           | WRONG_NUM_ARGS
rand()                        | NON_DETERMINISTIC_EXPRESSION | 'rand'
id + rand(5)                  | NON_DETERMINISTIC_EXPRESSION | 'rand'
uuid()                        | NON_DETERMINISTIC_EXPRESSION | 'uuid'
monotonically_increasing_id() | NON_DETERMINISTIC_EXPRESSION | 'monotonically_increasing_id'
spark_partition_id()          | NON_DETERMINISTIC_EXPRESSION | 'spark_partition_id'
input_file_name()             | NON_DETERMINISTIC_EXPRESSION | 'input_file_name'
input_file_block_start()      | NON_DETERMINISTIC_EXPRESSION | 'input_file_block_start'
shuffle(arr)                  | NON_DETERMINISTIC_EXPRESSION | 'shuffle'
java_method('java.util.UUID', 'randomUUID') | NON_DETERMINISTIC_EXPRESSION | 'java_method'
aes_encrypt(text, '0000111122223333') | NON_DETERMINISTIC_EXPRESSION | 'aes_encrypt'
current_date()                | SESSION_DEPENDENT_EXPRESSION | 'current_date'
current_date                  | SESSION_DEPENDENT_EXPRESSION | 'current_date'
curdate()                     | SESSION_DEPENDENT_EXPRESSION | 'current_date'
current_timestamp             | SESSION_DEPENDENT_EXPRESSION | 'current_timestamp'
now()                         | SESSION_DEPENDENT_EXPRESSION | 'now'
localtimestamp()              | SESSION_DEPENDENT_EXPRESSION | 'localtimestamp'
current_timezone()            | SESSION_DEPENDENT_EXPRESSION | 'current_timezone'
current_user()                | SESSION_DEPENDENT_EXPRESSION | 'current_user'
user()                        | SESSION_DEPENDENT_EXPRESSION | 'current_user'
version()                     | SESSION_DEPENDENT_EXPRESSION | 'version'
current_catalog()             | SESSION_DEPENDENT_EXPRESSION | 'current_catalog'
current_database()            | SESSION_DEPENDENT_EXPRESSION | 'current_database'
current_schema()              | SESSION_DEPENDENT_EXPRESSION | 'current_database'
unix_timestamp()              | SESSION_DEPENDENT_EXPRESSION | 'current_timestamp'
datediff(now(), d)            | SESSION_DEPENDENT_EXPRESSION | 'now'
date 'today' > d              | SESSION_DEPENDENT_EXPRESSION | DATE 'today'
upper('${spark.app.name}')    | SESSION_DEPENDENT_EXPRESSION | names a variable
sum(id)                       | NOT_ROW_WISE_EXPRESSION      | sum(...)
id - min(id)                  | NOT_ROW_WISE_EXPRESSION      | min(...)
count(*)                      | NOT_ROW_WISE_EXPRESSION      | count(...)
row_number() OVER (ORDER BY id) | NOT_ROW_WISE_EXPRESSION    | OVER
explode(arr)                  | NOT_ROW_WISE_EXPRESSION      | explode(...)
(SELECT 1)                    | NOT_ROW_WISE_EXPRESSION      | subquery
id IN (SELECT 1)              | NOT_ROW_WISE_EXPRESSION      | subquery
window(ts, '1 hour')          | NOT_ROW_WISE_EXPRESSION      | window
nosuch(id)                    | FUNCTION_NOT_FOUND           | 'nosuch'
default.nosuch(id)            | FUNCTION_NOT_FOUND           | nosuch
a.b.nosuch(id)                | INVALID_EXPRESSION           | a
length(embed(text))           | FUNCTION_NOT_TOP_LEVEL       | 'embed'
embed(upper(text))            | INVALID_EXPRESSION           | computed column of its own
embed(info.name)              | INVALID_EXPRESSION           | computed column of its own
embed(nope)                   | INVALID_EXPRESSION           | no column 'nope'
embed(id)                     | INVALID_FUNCTION             | takes one text
gone(text)                    | INVALID_FUNCTION             | was not found
py(text)                      | INVALID_FUNCTION             | it has neither a 'version' nor a 'fingerprint'
rb(text)                      | INVALID_FUNCTION             | of kind 'ruby'
NULL                          | UNSUPPORTED_TYPE             | VOID
array()                       | UNSUPPORTED_TYPE             | ARRAY<VOID>
""")
  void refuses(String text, Code code, String because) {
    assertFaults(text, code).hasMessageContaining(because);
  }

  @Test
  void reportsAllFaultsTogether() {
    assertFaults(
            "nosuch(rand()) + length(embed(text)) + nope + unix_timestamp()",
            Code.FUNCTION_NOT_FOUND,
            Code.FUNCTION_NOT_TOP_LEVEL,
            Code.INVALID_EXPRESSION,
            Code.NON_DETERMINISTIC_EXPRESSION,
            Code.SESSION_DEPENDENT_EXPRESSION)
        .hasMessageContaining("[FUNCTION_NOT_FOUND] ")
        .hasMessageContaining("\n[INVALID_EXPRESSION] ");
    assertFaults(
        "id + rand() + unix_timestamp() + shuffle(arr)[0]",
        Code.NON_DETERMINISTIC_EXPRESSION,
        Code.SESSION_DEPENDENT_EXPRESSION,
        Code.NON_DETERMINISTIC_EXPRESSION);
    assertFaults(
        "sum(nosuch(id)) + current_date",
        Code.NOT_ROW_WISE_EXPRESSION,
        Code.FUNCTION_NOT_FOUND,
        Code.SESSION_DEPENDENT_EXPRESSION);
    assertFaults(
        "sum(id) + rand()", Code.NOT_ROW_WISE_EXPRESSION, Code.NON_DETERMINISTIC_EXPRESSION);
    assertFaults(
        "sum(id + rand())", Code.NOT_ROW_WISE_EXPRESSION, Code.NON_DETERMINISTIC_EXPRESSION);
    assertFaults(
            "nope + neither + rand()",
            Code.INVALID_EXPRESSION,
            Code.INVALID_EXPRESSION,
            Code.NON_DETERMINISTIC_EXPRESSION)
        .hasMessageContaining("`nope`")
        .hasMessageContaining("`neither`");
    assertFaults(
        "transform(arr, x -> x + nope) + struct(id, named_struct('a', id)).col2.a",
        Code.INVALID_EXPRESSION);
  }

  @Test
  void refusesASessionFunctionThatSaysItIsNotDeterministic() {
    spark
        .udf()
        .register("dice", functions.udf(new PlusOne(), DataTypes.IntegerType).asNondeterministic());

    assertFaults("dice(n)", Code.NON_DETERMINISTIC_EXPRESSION).hasMessageContaining("'dice'");
  }

  @Test
  void bindsAFunctionOnArrowBatches() {
    BoundExpression bound = bind("EMBED( text )");

    assertThat(bound.kind()).isEqualTo(Kind.ARROW_FUNCTION);
    assertThat(bound.sql()).isEqualTo("embed(Text)");
    assertThat(bound.inputs()).containsExactly("Text");
    assertThat(bound.dataType().sql()).isEqualTo("ARRAY<FLOAT>");
    assertThat(bound.settings()).isEmpty();
    assertThat(bound.arrowCall())
        .hasValueSatisfying(
            call -> {
              assertThat(call.function().name()).isEqualTo("Embed");
              assertThat(call.arguments()).containsExactly("Text");
              assertThat(call.output().getType()).isEqualTo(new ArrowType.FixedSizeList(4));
            });
    assertThat(bound.functions())
        .extracting(UsedFunction::language)
        .containsExactly(Language.ARROW);
    assertThat(bind("embed(Text)").fingerprint()).isEqualTo(bound.fingerprint());
  }

  @Test
  void anArrowFunctionsVersionAndOptionsCount() {
    String plain = bind("embed(text)").fingerprint();
    UdfDescriptor embed = FUNCTIONS.get(0);

    assertThat(bindArrow(embed.withVersion("1"))).isNotEqualTo(plain);
    assertThat(bindArrow(embed.withVersion("1"))).isNotEqualTo(bindArrow(embed.withVersion("2")));
    assertThat(bindArrow(embed.withOptions(Map.of("model", "a"))))
        .isNotEqualTo(plain)
        .isNotEqualTo(bindArrow(embed.withOptions(Map.of("model", "b"))));
    assertThat(binder(spark).bind("embed(text)", "1").fingerprint())
        .isEqualTo(bindArrow(embed.withVersion("1")));
    assertThat(bind("versioned(text)").functions().get(0).fingerprint())
        .isEqualTo(binder(spark).bind("embed(text)", "7").functions().get(0).fingerprint());
  }

  @Test
  void tellsWherePythonWorkersComputeAPart() {
    PythonFunctions.register(spark, "pythons", new byte[0], PythonFunctions.PLAIN, Map.of());
    assertThat(binder(spark).bindDeclared("1 + pythons(id)", "1").kind())
        .isEqualTo(Kind.SQL_WITH_PYTHON);
    assertThat(binder(spark).bindDeclared("1 + id", "1").kind()).isEqualTo(Kind.SQL);
  }

  @Test
  void aNameThatSparkKnowsIsSparks() {
    assertThat(bind("upper(text)").kind()).isEqualTo(Kind.SQL);
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTC", "Asia/Kathmandu"})
  void aTimestampLiteralMeansTheCapturedTimeZone(String zone) {
    spark.conf().set("spark.sql.session.timeZone", zone);

    assertThat(bind("ts > timestamp '2020-01-01 00:00:00'").settings())
        .containsEntry("spark.sql.session.timeZone", zone);
  }

  private String bindArrow(UdfDescriptor function) {
    return new ExpressionBinder(spark, SCHEMA, List.of(function)).bind("embed(text)").fingerprint();
  }

  private BoundExpression bind(String text) {
    return binder(spark).bind(text);
  }

  private static ExpressionBinder binder(SparkSession session) {
    return new ExpressionBinder(session, SCHEMA, FUNCTIONS);
  }

  private AbstractThrowableAssert<?, ExpressionException> assertFaults(String text, Code... codes) {
    ExpressionException e = catchThrowableOfType(ExpressionException.class, () -> bind(text));
    assertThat(e).as(text).isNotNull();
    assertThat(e.faults()).extracting(ExpressionFault::code).containsExactly(codes);
    return assertThat(e);
  }

  /** Text to four floats. */
  public static class Embed implements ColumnUdf {
    @Override
    public Field output(List<Field> inputs) {
      if (inputs.size() != 1 || !(inputs.get(0).getType() instanceof ArrowType.Utf8)) {
        throw new IllegalArgumentException("takes one text");
      }
      return new Field(
          "",
          FieldType.nullable(new ArrowType.FixedSizeList(4)),
          List.of(
              new Field(
                  "item",
                  FieldType.nullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)),
                  List.of())));
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      throw new UnsupportedOperationException("only bound here");
    }
  }

  public static class Versioned extends Embed {
    @Override
    public String version() {
      return "7";
    }
  }

  public static class PlusOne implements UDF1<Integer, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Integer x) {
      return x + 1;
    }
  }

  public static class PlusTwo implements UDF1<Integer, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Integer x) {
      return x + 2;
    }
  }

  public static class Shout implements UDF1<String, String> {
    private static final long serialVersionUID = 1L;

    @Override
    public String call(String x) {
      return x + "!";
    }
  }
}
