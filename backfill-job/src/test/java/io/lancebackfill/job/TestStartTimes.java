package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a job's record says of its start. */
class TestStartTimes {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static List<Row> jobs(String table) {
    return session.sql("CALL lance.system.jobs('%s')", table).collectAsList();
  }

  private static Map<String, Double> startup(Row row) {
    return row.getJavaMap(row.fieldIndex("startup"));
  }

  @Test
  void theEndSaysHowLongTheFirstTaskAndRowTook() {
    String table = session.table("started", 300, 3, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    Row done = session.call("backfill('%s', 'n')", table);
    List<Row> events =
        session
            .sql("CALL lance.system.job('%s', '%s')", table, done.<String>getAs("job_id"))
            .collectAsList();
    assertThat(startup(events.get(0))).isEmpty();
    Map<String, Double> startup = startup(events.get(events.size() - 1));
    assertThat(startup).containsOnlyKeys("driver", "first_task", "first_row");
    assertThat(startup.get("driver")).isPositive();
    assertThat(startup.get("first_task")).isGreaterThan(startup.get("driver") - 0.01);
    assertThat(startup.get("first_row")).isGreaterThanOrEqualTo(startup.get("first_task"));
    assertThat(startup(jobs(table).get(0))).isEqualTo(startup);
  }

  @Test
  void ofAJobWithoutTasksThereIsNone() {
    String table = session.table("idle", 100, 1, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    session.call("backfill('%s', 'n')", table);
    session.call("backfill('%s', 'n')", table);
    assertThat(startup(jobs(table).get(1))).isEmpty();
  }

  @Test
  void theJobsTableHasItInOneColumnAndNoVersionMore() {
    String table = session.table("counted", 100, 1, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    session.call("backfill('%s', 'n')", table);
    DatasetRef jobs =
        DatasetRef.of(session.folder("counted").resolve("_backfill/jobs.lance").toString());
    long made = LanceTables.latest(jobs).version();
    session.sql("INSERT INTO %s (id, text) VALUES (1000, 'more')", table);
    session.call("backfill('%s', 'n')", table);
    // The plan, and the end; the commit's line waits for one of them.
    assertThat(LanceTables.latest(jobs).version() - made).isLessThanOrEqualTo(2);
  }
}
