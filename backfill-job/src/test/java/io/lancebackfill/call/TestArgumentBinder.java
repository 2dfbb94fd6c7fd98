package io.lancebackfill.call;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TestArgumentBinder {
  private static ProcedureSpec spec(ProcedureParameter... parameters) {
    return new ProcedureSpec("proc", List.of(parameters), new StructType(), "For tests.");
  }

  private static CallArgument argument(@Nullable String name, @Nullable Object value) {
    DataType type = value instanceof Integer ? DataTypes.IntegerType : DataTypes.StringType;
    return CallArgument.of(
        name, value, type, value instanceof String ? "'" + value + "'" : "" + value);
  }

  private static Object bound(ParameterType type, Object value) {
    ProcedureSpec spec = spec(ProcedureParameter.required("p", type, "It."));
    return ArgumentBinder.bind(spec, List.of(argument("p", value))).value("p").orElseThrow();
  }

  static Stream<Arguments> accepted() {
    return Stream.of(
        Arguments.of(ParameterType.STRING, "a", "a"),
        Arguments.of(ParameterType.BOOLEAN, true, true),
        Arguments.of(ParameterType.INT, 5, 5),
        Arguments.of(ParameterType.INT, (byte) 5, 5),
        Arguments.of(ParameterType.INT, 5L, 5),
        Arguments.of(ParameterType.INT, new BigDecimal("5.0"), 5),
        Arguments.of(ParameterType.LONG, 5, 5L),
        Arguments.of(ParameterType.LONG, (short) 5, 5L),
        Arguments.of(ParameterType.DOUBLE, 5, 5.0),
        Arguments.of(ParameterType.DOUBLE, new BigDecimal("0.5"), 0.5),
        Arguments.of(ParameterType.DOUBLE, 0.5f, 0.5),
        Arguments.of(ParameterType.STRING_ARRAY, List.of("a", "b"), List.of("a", "b")),
        Arguments.of(ParameterType.STRING_ARRAY, List.of(), List.of()),
        Arguments.of(ParameterType.STRING_MAP, Map.of("a", "b"), Map.of("a", "b")),
        Arguments.of(ParameterType.STRING_MAP, Map.of(), Map.of()),
        Arguments.of(ParameterType.STRING_MAP, Map.of("a", 1), Map.of("a", "1")),
        Arguments.of(ParameterType.STRING_MAP, Map.of("a", true), Map.of("a", "true")),
        Arguments.of(
            ParameterType.STRING_MAP, Map.of("a", new BigDecimal("1E+1")), Map.of("a", "10")),
        Arguments.of(ParameterType.BOOLEAN, " TRUE", true),
        Arguments.of(ParameterType.BOOLEAN, "false", false),
        Arguments.of(ParameterType.INT, "5", 5),
        Arguments.of(ParameterType.LONG, " -5 ", -5L),
        Arguments.of(ParameterType.DOUBLE, "0.5", 0.5),
        Arguments.of(ParameterType.DURATION, "1h", Duration.ofHours(1)),
        Arguments.of(ParameterType.DURATION, Duration.ofHours(1), Duration.ofHours(1)),
        Arguments.of(ParameterType.ANY, List.of(1), List.of(1)));
  }

  @ParameterizedTest
  @MethodSource("accepted")
  void takesWhatLosesNothing(ParameterType type, Object given, Object expected) {
    assertThat(bound(type, given)).isEqualTo(expected);
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        Arguments.of(ParameterType.STRING, 5),
        Arguments.of(ParameterType.BOOLEAN, "yes"),
        Arguments.of(ParameterType.BOOLEAN, 1),
        Arguments.of(ParameterType.INT, 1L << 40),
        Arguments.of(ParameterType.INT, "5x"),
        Arguments.of(ParameterType.INT, ""),
        Arguments.of(ParameterType.INT, "5000000000"),
        Arguments.of(ParameterType.INT, 5.0),
        Arguments.of(ParameterType.LONG, new BigDecimal("5.5")),
        Arguments.of(ParameterType.LONG, new BigDecimal("1e30")),
        Arguments.of(ParameterType.DOUBLE, "half"),
        Arguments.of(ParameterType.DURATION, "1"),
        Arguments.of(ParameterType.DURATION, 1),
        Arguments.of(ParameterType.BINARY, "x"),
        Arguments.of(ParameterType.STRING_ARRAY, List.of(1)),
        Arguments.of(ParameterType.STRING_ARRAY, Arrays.asList("a", null)),
        Arguments.of(ParameterType.STRING_ARRAY, "a"),
        Arguments.of(ParameterType.STRING_MAP, "a"),
        Arguments.of(ParameterType.STRING_MAP, Map.of("a", List.of())));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void refusesWhatWouldLose(ParameterType type, Object given) {
    assertThatThrownBy(() -> bound(type, given))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_ARGUMENT] Argument 'p' must be a " + type.sqlName() + ", and not the ")
        .hasMessageEndingWith(" Write p => " + type.example() + ".");
  }

  @Test
  void takesPositionsThenNames() {
    ProcedureSpec spec =
        spec(
            ProcedureParameter.required("a", ParameterType.STRING, "A."),
            ProcedureParameter.optional("b", ParameterType.INT, "B."),
            ProcedureParameter.optional("c", ParameterType.INT, "C."));
    ProcedureArguments bound =
        ArgumentBinder.bind(spec, List.of(argument(null, "x"), argument("C", 2)));
    assertThat(bound.string("a")).isEqualTo("x");
    assertThat(bound.optionalInt("b")).isEmpty();
    assertThat(bound.optionalInt("c")).contains(2);
    assertThat(bound.options()).isEmpty();
    assertThatThrownBy(() -> bound.value("d"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Procedure proc has no parameter d");
  }

  @Test
  void takesOptionsAsTyped() {
    ProcedureSpec spec = spec(ProcedureParameter.of(BackfillOptions.CONCURRENCY));
    assertThat(ArgumentBinder.bind(spec, List.of(argument("concurrency", 3L))).options())
        .isEqualTo(Map.of("concurrency", 3));
  }

  @Test
  void reportsEveryFault() {
    ProcedureSpec spec =
        spec(
            ProcedureParameter.required("table", ParameterType.STRING, "The table."),
            ProcedureParameter.required("column", ParameterType.STRING, "The column."),
            ProcedureParameter.of(BackfillOptions.CONCURRENCY));
    assertThatThrownBy(
            () ->
                ArgumentBinder.bind(
                    spec,
                    List.of(
                        argument("table", null),
                        argument("colunm", "x"),
                        argument("concurrency", 0),
                        argument("table", "t"),
                        argument(null, "late"))))
        .isInstanceOfSatisfying(
            BackfillException.class,
            e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.INVALID_ARGUMENT))
        .hasMessage(
            """
[INVALID_ARGUMENT] Argument 'table' is NULL; proc needs a string.
[UNKNOWN_ARGUMENT] proc has no argument 'colunm'. Did you mean 'column'? It takes: table, column, concurrency.
[INVALID_OPTION] Option 'concurrency' is '0', and must be an integer of 1 or more. Change it, or leave it out for the default: every slot.
[DUPLICATE_ARGUMENT] Argument 'table' is given more than once, the last time as 't'. Give it once.
[INVALID_ARGUMENT] Argument 5, 'late', has no name but follows one that has. Give it a name, or move it to the front.
[MISSING_ARGUMENT] proc needs the argument 'column' (string): The column.""");
  }

  @Test
  void refusesTooManyPositions() {
    assertThatThrownBy(() -> ArgumentBinder.bind(spec(), List.of(argument(null, 1))))
        .isInstanceOf(BackfillException.class)
        .hasMessage("[UNKNOWN_ARGUMENT] proc takes 0 arguments at most; argument 1 is 1.");
  }

  @Test
  void refusesSpecsThatCannotBeCalled() {
    ProcedureParameter a = ProcedureParameter.required("a", ParameterType.STRING, "A.");
    ProcedureParameter b = ProcedureParameter.optional("b", ParameterType.STRING, "B.");
    assertThatThrownBy(() -> spec(b, a))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Procedure proc has the required parameter a after an optional one");
    assertThatThrownBy(() -> spec(b, b))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Procedure proc has two parameters named b");
  }
}
