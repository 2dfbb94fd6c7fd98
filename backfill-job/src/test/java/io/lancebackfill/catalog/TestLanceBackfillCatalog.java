package io.lancebackfill.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.LocalSpark;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestLanceBackfillCatalog {
  @Test
  void readsAndWritesTables(@TempDir Path root) {
    SparkSession spark =
        LocalSpark.start(List.of(), Map.of("spark.sql.catalog.lance.root", root.toString()));
    try {
      spark.sql("CREATE NAMESPACE lance.db");
      spark.sql("CREATE TABLE lance.db.t AS SELECT 1 AS id, 'a' AS text");
      spark.sql("INSERT INTO lance.db.t VALUES (2, 'b')");
      assertThat(spark.table("lance.db.t").orderBy("id").collectAsList())
          .containsExactly(RowFactory.create(1, "a"), RowFactory.create(2, "b"));
    } finally {
      LocalSpark.stop(spark);
    }
  }
}
