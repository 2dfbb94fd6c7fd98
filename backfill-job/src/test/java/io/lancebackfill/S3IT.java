package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.job.Pylance;
import io.lancebackfill.sql.LanceBackfillExtensions;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
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

  /** Its manifests are read by Lance itself, and nothing is left beside the table. */
  @Test
  void aDictionaryColumnDoesNoHarm() throws Exception {
    String uri = "s3://bucket/tables/d.lance";
    try (S3Server server = new S3Server(folder)) {
      Pylance.run(
          uri,
          server.environment(),
          """
          words = pa.array(['a', 'b', None] * 2).dictionary_encode()
          table = pa.table({'gone': range(6), 'c': words, 'id': pa.array(range(6), pa.int64())})
          lance.write_dataset(table, uri, max_rows_per_file=3, enable_stable_row_ids=True)
          lance.dataset(uri).drop_columns(['gone'])
          """);
      SparkSession spark =
          LocalSpark.start(List.of(new LanceBackfillExtensions()), S3Server.catalog(server.port()));
      try {
        for (String table : List.of("lance.d", uri)) {
          assertThatThrownBy(
                  () -> call(spark, "add_column('%s', 'u', 'upper(c)')".formatted(table)))
              .hasMessageContaining("[UNSUPPORTED_TYPE]")
              .hasMessageContaining("dictionary of string");
        }
        call(spark, "add_column('d', 'n', 'id + 1')");
        assertThat(call(spark, "backfill('d', 'n')").<Long>getAs("rows_computed")).isEqualTo(6);
        Pylance.run(
            uri,
            server.environment(),
            """
            lance.write_dataset(
                pa.table({'c': pa.array(['c']).dictionary_encode(), 'id': [6]}), uri, mode='append')
            lance.dataset(uri).optimize.compact_files()
            """);
        Row later = call(spark, "backfill('%s', 'n')".formatted(uri));
        assertThat(later.<Long>getAs("rows_computed")).isEqualTo(1);
        assertThat(later.<String>getAs("attached_by")).isEqualTo("shadow_column");
      } finally {
        LocalSpark.stop(spark);
      }
      assertThat(
              Pylance.run(
                  uri,
                  server.environment(),
                  """
                  import boto3
                  for row in lance.dataset(uri).to_table().to_pylist():
                      assert row['n'] == row['id'] + 1 and row['c'] == ['a', 'b', None, 'a', 'b', None, 'c'][row['id']], row
                  keys = [found['Key'] for found in boto3.client('s3').list_objects_v2(Bucket='bucket')['Contents']]
                  print([key for key in keys if not key.startswith(('tables/d.lance/', 'tables/__manifest/'))])
                  """))
          .isEqualTo("[]");
    }
  }

  private static Row call(SparkSession spark, String call) {
    return spark.sql("CALL lance.system." + call).first();
  }
}
