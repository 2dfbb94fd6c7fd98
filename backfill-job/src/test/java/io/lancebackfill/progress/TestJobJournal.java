package io.lancebackfill.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.RunId;
import io.lancebackfill.state.TableState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a journal writes, and when, into records on a disk. */
class TestJobJournal {
  private static final JobCounts PLANNED = new JobCounts(3, 0, 0, 0, 0, 0, 0, 0);

  @TempDir private Path table;
  private final List<String> notices = new ArrayList<>();
  private JobRecords records;
  private JobJournal journal;

  @BeforeEach
  void begin() {
    records = new JobRecords(new TableState(DatasetRef.of(table.toString())));
    journal =
        new JobJournal(
            records,
            new Notices(notices),
            new JobListener.JobInfo("job", "t", "c"),
            new RunId("job", "c", "1", "driver", 1, ""),
            "{}",
            () -> "");
  }

  private record Notices(List<String> all) implements JobListener {
    @Override
    public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {}

    @Override
    public void running(
        JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {}

    @Override
    public void committed(JobInfo job, JobCounts counts, long version) {}

    @Override
    public void notice(JobInfo job, String message) {
      all.add(message);
    }

    @Override
    public void ended(
        JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {}
  }

  private List<String> events() {
    return records.events("job").stream().map(JobEvent::event).toList();
  }

  @Test
  void aPlanIsWrittenOnceItIsSettled() {
    journal.started(1);
    journal.planned(1, PLANNED, 30, 2);
    journal.settle();
    assertThat(events()).containsExactly(JobEvent.STARTED, JobEvent.PLANNED);
    journal.settle();
    assertThat(events()).hasSize(2);
  }

  @Test
  void theEndComesAfterThePlanAndOnceWithoutWaitingForEither() {
    journal.started(1);
    journal.planned(1, PLANNED, 30, 2);
    journal.ended(JobStatus.DONE, 2, PLANNED, "all well");
    assertThat(journal.tidied(JobStatus.DONE, 2, PLANNED, "all well")).isEqualTo("all well");
    assertThat(events()).containsExactly(JobEvent.STARTED, JobEvent.PLANNED, JobEvent.ENDED);
  }

  @Test
  void whatIsSaidAfterTheEndIsALineOfItsOwn() {
    journal.started(1);
    journal.planned(1, JobCounts.NONE, 0, 2);
    journal.ended(JobStatus.DONE, 2, JobCounts.NONE, "");
    journal.trouble("Could not tidy up", "the store is away");
    assertThat(journal.tidied(JobStatus.DONE, 2, JobCounts.NONE, ""))
        .isEqualTo("Could not tidy up: the store is away");
    assertThat(events())
        .containsExactly(JobEvent.STARTED, JobEvent.PLANNED, JobEvent.ENDED, JobEvent.TIDIED);
  }

  @Test
  void anInterruptNeitherLosesALineNorIsLost() {
    Thread.currentThread().interrupt();
    journal.started(1);
    journal.planned(1, PLANNED, 30, 2);
    journal.settle();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(events()).containsExactly(JobEvent.STARTED, JobEvent.PLANNED);
  }

  @Test
  void linesThatCannotBeWrittenWaitForTheNext() throws IOException {
    Path inTheWay = table.resolve("_backfill");
    Files.writeString(inTheWay, "a file where the folder is to be");
    journal.started(1);
    journal.planned(1, PLANNED, 30, 2);
    assertThat(notices).isEmpty();
    journal.settle();
    assertThat(notices).singleElement().asString().contains("could not be written");
    assertThat(journal.untroubled()).isFalse();

    Files.delete(inTheWay);
    journal.ended(JobStatus.DONE, 2, PLANNED, "");
    assertThat(journal.tidied(JobStatus.DONE, 2, PLANNED, "")).isEmpty();
    assertThat(events()).containsExactly(JobEvent.STARTED, JobEvent.PLANNED, JobEvent.ENDED);
    assertThat(journal.untroubled()).isTrue();
  }
}
