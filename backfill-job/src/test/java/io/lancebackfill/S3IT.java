package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The main path on an object store: a real S3 emulator, with credentials of the catalog's. */
class S3IT {
  @TempDir private Path folder;

  @Test
  void fillsAColumnOfATableInABucket() throws Exception {
    SparkDistribution spark = new SparkDistribution(folder);
    try (S3Server server = new S3Server(folder)) {
      S3Server.catalog(spark, server.port());
      try (SparkRun run =
          spark.sql(
              "CREATE TABLE lance.t AS SELECT id, concat('t', id) AS text FROM range(0, 1000, 1, 4);",
              "CALL lance.system.add_column('t', 'length', 'length(text)');",
              "CALL lance.system.backfill('t', 'length', commit_granularity => 2, job_id => 'one');",
              "CALL lance.system.backfill('s3://bucket/tables/t.lance', 'length', job_id => 'two');",
              "SELECT 'sum', sum(length), count_if(length <> length(text)) FROM lance.t;",
              "CALL lance.system.coverage('t', 'length');",
              "CALL lance.system.job('t', 'one');",
              "CALL lance.system.clean('t', '0s');",
              "CALL lance.system.alter_column('t', 'length', 'length(text) + 1');",
              "CALL lance.system.coverage('t', 'length');")) {
        assertThat(run.output())
            .contains("one\tDONE\t4\t4\t4\t0\t1000\t0\t0\t2")
            .contains("two\tDONE\t4\t0\t0\t4\t0")
            .contains("sum\t3890\t0")
            .contains("3\t250\t250\t0\t0\t0\t0")
            .contains("3\t250\t0\t250\t0\t0\t0")
            .doesNotContain(S3Server.SECRET);
        assertThat(run.stderr()).doesNotContain(S3Server.SECRET);
      }
    }
  }
}
