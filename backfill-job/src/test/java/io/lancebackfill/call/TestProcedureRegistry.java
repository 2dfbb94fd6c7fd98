package io.lancebackfill.call;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;

class TestProcedureRegistry {
  private record Named(String name) implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(name, List.of(), new StructType(), "For tests.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return List.of();
    }
  }

  @Test
  void findsWithoutCase() {
    Named coverage = new Named("coverage");
    ProcedureRegistry registry = new ProcedureRegistry(List.of(new Named("backfill"), coverage));
    assertThat(registry.procedure("COVERAGE")).isSameAs(coverage);
    assertThat(registry.procedures()).hasSize(2);
    assertThatThrownBy(() -> registry.procedure("covrage"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[UNKNOWN_PROCEDURE] There is no procedure 'covrage'. Did you mean 'coverage'?"
                + " There are: backfill, coverage.");
    assertThatThrownBy(() -> registry.procedure("something_else"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[UNKNOWN_PROCEDURE] There is no procedure 'something_else'."
                + " There are: backfill, coverage.");
  }

  @Test
  void refusesTwoOfOneName() {
    assertThatThrownBy(() -> new ProcedureRegistry(List.of(new Named("a"), new Named("A"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Two procedures are named a");
  }
}
