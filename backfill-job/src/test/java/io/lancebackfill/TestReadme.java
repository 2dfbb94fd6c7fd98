package io.lancebackfill;

import io.lancebackfill.config.OptionsTable;
import io.lancebackfill.procedure.Procedure;
import io.lancebackfill.procedure.ProcedureParameter;
import io.lancebackfill.procedure.Procedures;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The README's tables are what the code says. {@code -Dreadme.write=true} writes them anew. */
class TestReadme {
  @Test
  void listsTheOptions() throws IOException {
    ReadmeSection.require("options", OptionsTable.markdown());
  }

  @Test
  void listsTheProcedures() throws IOException {
    ReadmeSection.require("procedures", procedures());
  }

  private static String procedures() {
    StringBuilder table =
        new StringBuilder("| procedure | does | result columns |\n|---|---|---|\n");
    for (Procedure procedure : Procedures.registry().procedures()) {
      String parameters =
          procedure.spec().parameters().stream()
              .filter(parameter -> parameter.option() == null)
              .map(TestReadme::parameter)
              .collect(Collectors.joining(", "));
      boolean options =
          procedure.spec().parameters().stream().anyMatch(parameter -> parameter.option() != null);
      table.append(
          "| `%s(%s%s)` | %s | %s |%n"
              .formatted(
                  procedure.spec().name(),
                  parameters,
                  options ? ", options below" : "",
                  procedure.spec().doc(),
                  Arrays.stream(procedure.spec().output().fieldNames())
                      .map(column -> "`" + column + "`")
                      .collect(Collectors.joining(", "))));
    }
    return table.toString();
  }

  private static String parameter(ProcedureParameter parameter) {
    return parameter.required() ? parameter.name() : "[" + parameter.name() + "]";
  }
}
