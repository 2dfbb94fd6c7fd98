package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.table.CallCatalog;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import scala.collection.JavaConverters;
import scala.collection.Seq;

class TestCallProcedureCommand {
  private static CallProcedureCommand command(CallTarget target, String value) {
    Seq<Expression> arguments =
        JavaConverters.asScalaBuffer(
                List.<Expression>of(Literal.create(value, DataTypes.StringType)))
            .toList();
    return new CallProcedureCommand(target, arguments);
  }

  @Test
  void equalPlansHaveEqualHashes() {
    CallCatalog catalog = new CallCatalog("lance", "Some", Map.of());
    List<CallTarget.ArgumentPlace> places =
        List.of(new CallTarget.ArgumentPlace("table", "'t'", null));
    ToyProcedures procedure = new ToyProcedures();
    CallTarget one = new CallTarget(catalog, procedure, places, List.of());
    CallTarget same = new CallTarget(catalog, procedure, List.copyOf(places), List.of());
    assertThat(command(one, "t"))
        .isEqualTo(command(same, "t"))
        .hasSameHashCodeAs(command(same, "t"))
        .isNotEqualTo(command(one, "u"))
        .isNotEqualTo(command(new CallTarget(catalog, procedure, List.of(), List.of()), "t"));
  }
}
