package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LanceBackfill;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lance's own directory namespace, told to keep the versions of its tables itself. */
class TestManagedVersioning {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    catalog("managed", "io.lancebackfill.catalog.LanceBackfillCatalog");
    catalog("managed_plain", "org.lance.spark.LanceNamespaceSparkCatalog");
    session.sql("CREATE TABLE managed.t (id BIGINT)");
    session.sql("INSERT INTO managed.t VALUES (1), (2)");
    Pylance.run(
        session.root().resolve("halves.lance"),
        """
        import numpy as np
        lance.write_dataset(pa.table({'id': [1], 'h': np.array([1], np.float16)}), uri)
        """);
  }

  private static void catalog(String name, String className) {
    String prefix = "spark.sql.catalog." + name;
    session.spark().conf().set(prefix, className);
    session.spark().conf().set(prefix + ".impl", "dir");
    session.spark().conf().set(prefix + ".root", session.root().toString());
    session.spark().conf().set(prefix + ".table_version_tracking_enabled", "true");
  }

  /** The second is one that lance-spark cannot load. */
  @ParameterizedTest
  @ValueSource(strings = {"managed.t", "managed_plain.t", "managed.halves", "managed_plain.halves"})
  void everyCallIsRefused(String table) {
    Path folder = session.folder(table.replaceFirst(".*\\.", ""));
    DatasetRef ref = DatasetRef.of(folder.toString());
    long version = LanceTables.latest(ref).version();
    String catalog = table.replaceFirst("\\..*", "");
    for (String call :
        List.of(
            "add_column('%s', 'n', 'id + 1')",
            "alter_column('%s', 'n', 'id + 1')",
            "backfill('%s', 'n')",
            "drop_column('%s', 'n')",
            "clean('%s')",
            "coverage('%s', 'n')",
            "jobs('%s')")) {
      assertThatThrownBy(() -> session.sql("CALL " + catalog + ".system." + call, table))
          .hasMessageContaining("[MANAGED_VERSIONING]")
          .hasMessageContaining("kept by the namespace of catalog '" + catalog + "'")
          .hasMessageContaining(catalog + ".table_version_tracking_enabled");
    }
    assertThatThrownBy(() -> LanceBackfill.table(session.spark(), table))
        .hasMessageContaining("[MANAGED_VERSIONING]");
    assertThat(LanceTables.latest(ref).version()).isEqualTo(version);
    assertThat(folder.resolve("_backfill")).doesNotExist();
  }

  @Test
  void whatSparkDoesGoesOn() {
    session.sql("INSERT INTO managed.t VALUES (3)");
    assertThat(session.number("SELECT count(*) FROM managed.t WHERE id < 4")).isEqualTo(3);
    assertThatThrownBy(() -> session.sql("ALTER TABLE managed.t DROP COLUMN id"))
        .hasMessageContaining("MANAGED_VERSIONING");
  }
}
