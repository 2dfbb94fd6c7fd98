package io.lancebackfill.job;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A type that a computed column may have, with values that are hard to keep.
 *
 * @param name in Spark SQL
 * @param dataType to declare the column with, null for that of the expression
 * @param regular expression over {@code id} for rows without a special value
 * @param specials expressions of special values; the first is what the type calls empty, or zero
 */
record ColumnType(
    String name, @Nullable String dataType, String regular, List<String> specials, String note) {

  private static final String STRUCT = "named_struct('n', %s, 't', %s)";

  /** Every type that Spark and Lance have in common. */
  static List<ColumnType> all() {
    List<ColumnType> types = new ArrayList<>();
    types.add(of("boolean", "id % 2 = 0", "false", "true"));
    types.add(of("tinyint", "cast(id % 100 as tinyint)", "0Y", "-128Y", "127Y"));
    types.add(of("smallint", "cast(id * 7 as smallint)", "0S", "-32768S", "32767S"));
    types.add(of("int", "cast(id * 700 as int)", "0", "-2147483648", "2147483647"));
    types.add(
        of("bigint", "id * 10000000000", "0L", "-9223372036854775808L", "9223372036854775807L"));
    types.add(
        of("float", "cast(id / 3 as float)", "0F")
            .and(
                "float('NaN')",
                "float('-0.0')",
                "float('-Infinity')",
                "float('1.4E-45')",
                "float('3.4028235E38')"));
    types.add(
        of("double", "id / 7D", "0D")
            .and("double('NaN')", "double('-0.0')", "double('Infinity')", "4.9E-324D")
            .and("1.7976931348623157E308D"));
    types.add(
        of("decimal(9,2)", "cast(id * 1.05 as decimal(9,2))", "0.00BD", "9999999.99BD").typed());
    types.add(
        of("decimal(18,0)", "cast(id as decimal(18,0))", "0BD")
            .and("-999999999999999999BD")
            .typed());
    types.add(
        of("decimal(38,18)", "cast(id / 7D as decimal(38,18))", "0BD")
            .and("-99999999999999999999.999999999999999999BD", "0.000000000000000001BD")
            .typed());
    types.add(
        of("string", "concat('text ', id)", "''", "'äß漢字🙂e\\u0301'", "concat('a', char(0), 'b')")
            .and("repeat('0123456789', 20000)"));
    types.add(of("binary", "encode(concat('b', id), 'UTF-8')", "X''", "X'00FF80'", "X'00'"));
    types.add(
        of("date", "date_add(DATE'1960-02-29', cast(id as int))", "DATE'1970-01-01'")
            .and("DATE'0001-01-01'", "DATE'9999-12-31'", "DATE'1582-10-04'")
            .and("date_from_unix_date(-2147483648)", "date_from_unix_date(2147483647)"));
    types.add(
        of("timestamp", "timestamp_micros(id * 1000000007 - 5000000000)", "timestamp_micros(0)")
            .and(
                "timestamp_micros(-9223372036854775808L)", "timestamp_micros(9223372036854775807L)")
            .and("timestamp_micros(-62135596800000000L)", "timestamp_micros(-1)")
            .note("kept in UTC, to the microsecond"));
    String ntz = "cast('%s' as timestamp_ntz)";
    types.add(
        of("timestamp_ntz", "TIMESTAMP_NTZ'2024-03-10 02:30:00' + make_dt_interval(0, id)")
            .and(ntz.formatted("1970-01-01 00:00:00"), ntz.formatted("0001-01-01 00:00:00"))
            .and(ntz.formatted("9999-12-31 23:59:59.999999"))
            .and(ntz.formatted("+294247-01-10 04:00:54.775807")));
    for (ColumnType element : List.copyOf(types)) {
      types.add(element.array());
    }
    types.add(
        of("array<array<string>>", "array(array(concat('x', id)), NULL, array())", "array()")
            .and("array(array(NULL, ''), NULL, array('', 'y'))")
            .typed());
    types.add(
        of("array<array<double>>", "array(array(id / 2D), NULL, array())", "array()")
            .and("array(array(NULL, double('NaN')), NULL, array(0D))", "array(NULL, NULL)")
            .typed());
    types.add(
        of("struct<n:int,t:string>", STRUCT.formatted("cast(id as int)", "concat('t', id)"))
            .and(STRUCT.formatted("0", "''"), STRUCT.formatted("NULL", "NULL"))
            .typed());
    String deep = "named_struct('a', named_struct('b', %s, 'c', %s), 'd', %s)";
    types.add(
        of(
                "struct<a:struct<b:binary,c:date>,d:decimal(9,2)>",
                deep.formatted(
                    "encode(concat(id), 'UTF-8')", "DATE'2001-01-01'", "cast(id as decimal(9,2))"))
            .and(deep.formatted("X''", "NULL", "0.00BD"), deep.formatted("NULL", "NULL", "NULL"))
            .and("named_struct('a', NULL, 'd', 1.00BD)")
            .typed());
    types.add(
        of("struct<b:boolean,t:string>", "named_struct('b', id % 2 = 0, 't', 'x')")
            .and("named_struct('b', false, 't', '')", "named_struct('b', NULL, 't', NULL)")
            .typed());
    types.add(vector("float", 4, "float(id)", "1F", "-0.5F", "float('NaN')"));
    types.add(vector("double", 2, "id / 3D", "-1D"));
    types.add(vector("bigint", 2, "id", "-1L"));
    types.add(vector("int", 3, "cast(id as int)", "2147483647", "-2147483648"));
    types.add(vector("smallint", 2, "cast(id as smallint)", "-32768S"));
    types.add(vector("tinyint", 3, "cast(id % 100 as tinyint)", "-128Y", "127Y"));
    return types;
  }

  /** The column's expression over a table's {@code id}; see {@link TestTypes}. */
  String expression() {
    StringBuilder cases = new StringBuilder("CASE");
    cases.append(" WHEN id BETWEEN 100 AND 199 OR (id > 20 AND id % 5 = 3) THEN NULL");
    cases.append(" WHEN id >= 400 THEN ").append(specials.get(0));
    for (int i = 0; i < specials.size(); i++) {
      cases.append(" WHEN id = ").append(i).append(" THEN ").append(specials.get(i));
    }
    return cases.append(" ELSE ").append(regular).append(" END").toString();
  }

  /**
   * An expression with runs of the same kind of value: NULL, empty, special or regular.
   *
   * @param length of a run
   */
  String inRuns(int length) {
    StringBuilder cases =
        new StringBuilder("CASE pmod(hash(id div %d, '%s'), 6)".formatted(length, name));
    cases.append(" WHEN 0 THEN NULL");
    for (int i = 0; i < Math.min(3, specials.size()); i++) {
      cases.append(" WHEN %d THEN %s".formatted(i + 1, specials.get(i)));
    }
    return cases.append(" ELSE ").append(regular).append(" END").toString();
  }

  /** An expression in Spark's type, for a SELECT. */
  String selected(String expression) {
    return "cast(" + expression + " as " + sparkType() + ")";
  }

  String sparkType() {
    return dataType == null
        ? name
        : dataType.replaceFirst("fixed_size_list<(.*)>\\[.*", "array<$1>");
  }

  /** Whether files of that format can hold it. */
  boolean fits(String storage) {
    return switch (storage) {
      case "2.0" -> !name.contains("struct");
      default -> !name.matches(".*array<(array|boolean).*");
    };
  }

  boolean isVector() {
    return name.startsWith("fixed_size_list");
  }

  private static ColumnType of(String name, String regular, String... specials) {
    return new ColumnType(name, null, regular, List.of(specials), "");
  }

  private static ColumnType vector(String element, int size, String... values) {
    if (values.length != size) {
      throw new IllegalArgumentException(element);
    }
    String all = String.join(", ", values);
    String zeros = all.replaceAll("\\bid\\b", "0");
    String type = "fixed_size_list<%s>[%d]".formatted(element, size);
    String array = "array(%s)";
    return new ColumnType(
        type,
        type,
        array.formatted(all),
        List.of(
            array.formatted(zeros), array.formatted("NULL" + zeros.substring(zeros.indexOf(",")))),
        "a vector; `data_type`, or an array with `vector_dim`");
  }

  private ColumnType and(String... more) {
    List<String> values = new ArrayList<>(specials);
    values.addAll(List.of(more));
    return new ColumnType(name, dataType, regular, values, note);
  }

  private ColumnType note(String text) {
    return new ColumnType(name, dataType, regular, specials, text);
  }

  private ColumnType typed() {
    return new ColumnType(name, name, regular, specials, note);
  }

  private ColumnType array() {
    List<String> values = new ArrayList<>(List.of("array()", "array(NULL)"));
    values.add("array(" + String.join(", NULL, ", specials) + ")");
    String type = "array<" + name + ">";
    return new ColumnType(
        type, type, "array_repeat(%s, cast(id %% 4 as int))".formatted(regular), values, note);
  }
}
