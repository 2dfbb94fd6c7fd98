package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.config.OptionsTable;
import io.lancebackfill.procedure.Procedures;
import io.lancebackfill.sql.LanceBackfillExtensions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's tables are what the code says. {@code -Dreadme.write=true} writes them anew. */
class TestReadme {
  @Test
  void listsTheOptions() throws IOException {
    DocumentSection.require("docs/reference.md", "options", OptionsTable.markdown());
  }

  @Test
  void listsTheProcedures() throws IOException {
    DocumentSection.require("docs/reference.md", "procedures", procedures());
  }

  /** The statements of the first block of SQL, as a newcomer copies them. */
  @Test
  void itsStatementsRunAsTheyStand(@TempDir Path root) throws IOException {
    String readme = DocumentSection.text("README.md");
    int from = readme.indexOf("```sql") + "```sql".length();
    String block = readme.substring(from, readme.indexOf("```", from)).replaceAll("(?m)^--.*", "");
    SparkSession spark =
        LocalSpark.start(
            List.of(new LanceBackfillExtensions()),
            Map.of("spark.sql.catalog.lance.root", root.toString()));
    try {
      List<Row> last = List.of();
      for (String statement : block.split(";\\s*\n", -1)) {
        if (!statement.isBlank()) {
          last = spark.sql(statement).collectAsList();
        }
      }
      assertThat(last).hasSize(4);
      assertThat(last.get(1).getAs("caption_length").toString()).isEqualTo("8");
      assertThat(last.get(3).<Object>getAs("embedding")).isNotNull();
      // It was computed for the new row in the second call alone, and the length not yet.
      assertThat(last.get(3).<Object>getAs("caption_length")).isNull();
    } finally {
      LocalSpark.stop(spark);
    }
  }

  @Test
  void isShort() throws IOException {
    assertThat(DocumentSection.text("README.md").lines().count()).isLessThan(200);
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
