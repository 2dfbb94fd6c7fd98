package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.report.CoverageReport;
import io.lancebackfill.sql.LanceBackfillExtensions;
import io.lancebackfill.state.JobStatus;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The way in for Java programs. */
class TestLanceBackfill {

  @RegisterExtension
  private static final SharedSession session =
      new SharedSession(List.of(new LanceBackfillExtensions()));

  @BeforeAll
  static void start() {
    session
        .spark()
        .sql(
            "CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1')"
                + " AS SELECT id FROM range(0, 1000, 1, 4)");
  }

  @Test
  void declaresFillsAndReports() {
    LanceBackfill table = LanceBackfill.table(session.spark(), "lance.default.t");
    assertThat(table.addColumn("twice", "id * 2"))
        .singleElement()
        .satisfies(declared -> assertThat(declared.column()).isEqualTo("twice"));

    BackfillResult first =
        table
            .backfill("twice")
            .where("id % 2 = 0")
            .maxFragments(3)
            .commitGranularity(2)
            .checkpointInterval(Duration.ofSeconds(1))
            .commitInterval(Duration.ofSeconds(30))
            .concurrency(1)
            .jobId("from-java")
            .run();
    assertThat(first.jobId()).isEqualTo("from-java");
    assertThat(first.status()).isEqualTo(JobStatus.PAUSED);
    assertThat(first.counts().rowsComputed()).isEqualTo(375);
    assertThat(first.counts().commits()).isEqualTo(2);

    assertThat(table.backfill("twice").dryRun().run().status()).isEqualTo(JobStatus.PLANNED);
    BackfillResult rest = table.backfill("twice").run();
    assertThat(rest.status()).isEqualTo(JobStatus.DONE);
    assertThat(rest.counts().rowsComputed()).isEqualTo(625);
    assertThat(table.coverage("twice"))
        .hasSize(4)
        .extracting(CoverageReport.Line::fresh)
        .containsOnly(250L);
    assertThat(
            session.spark().sql("SELECT * FROM lance.default.t WHERE NOT twice <=> id * 2").count())
        .isZero();
  }

  @Test
  void aContextGivesItsClusterToItsBackfills() {
    session
        .spark()
        .sql(
            "CALL lance.system.define_cluster(spec => '{\"name\": \"here\", \"type\": \"local\"}')")
        .collectAsList();
    String job;
    try (LanceBackfill.Context context =
        LanceBackfill.context(session.spark(), "lance").cluster("here").executors(1).open()) {
      LanceBackfill table = context.table("lance.default.t");
      table.addColumn("thrice", "id * 3");
      BackfillResult done = table.backfill("thrice").run();
      assertThat(done.counts().rowsComputed()).isEqualTo(1000);
      job = done.jobId();
    }
    assertThat(
            session
                .spark()
                .sql("CALL lance.system.job('lance.default.t', '" + job + "')")
                .first()
                .<String>getAs("options"))
        .contains("\"cluster\":\"here\"");
    assertThatThrownBy(() -> LanceBackfill.context(session.spark(), "lance").cluster("gone").open())
        .hasMessageStartingWith("[CLUSTER_NOT_FOUND] No cluster 'gone' is defined");
    assertThatThrownBy(() -> LanceBackfill.context(session.spark(), "nowhere").open())
        .hasMessageStartingWith("[UNKNOWN_CATALOG] 'nowhere' is no Lance catalog");
  }

  @Test
  void namesWhatIsWrongWithACall() {
    assertThatThrownBy(
            () -> LanceBackfill.table(session.spark(), "lance.default.missing").coverage("x"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[TABLE_NOT_FOUND]");
    assertThatThrownBy(
            () ->
                LanceBackfill.table(session.spark(), "lance.default.t")
                    .backfill("missing")
                    .commitGranularity(0)
                    .concurrency(-1)
                    .run())
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("missing")
        .hasMessageContaining("commit_granularity")
        .hasMessageContaining("concurrency");
  }
}
