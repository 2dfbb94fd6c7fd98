package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.config.OptionsTable;
import io.lancebackfill.procedure.Procedure;
import io.lancebackfill.procedure.ProcedureParameter;
import io.lancebackfill.procedure.Procedures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The README's tables are what the code says. {@code -Dreadme.write=true} writes them anew. */
class TestReadme {
  private static final Path README = Path.of("..", "README.md").toAbsolutePath().normalize();

  @Test
  void listsTheOptions() throws IOException {
    requireSection("options", OptionsTable.markdown());
  }

  @Test
  void listsTheProcedures() throws IOException {
    requireSection("procedures", procedures());
  }

  private static void requireSection(String name, String expected) throws IOException {
    String readme = Files.readString(README);
    int from = readme.indexOf('\n', readme.indexOf("<!-- " + name + ":")) + 1;
    int to = readme.indexOf("<!-- /" + name + " -->");
    if (Boolean.getBoolean("readme.write")) {
      Files.writeString(
          README, readme.substring(0, from) + expected.strip() + "\n" + readme.substring(to));
      return;
    }
    assertThat(readme.substring(from, to).strip()).isEqualTo(expected.strip());
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
