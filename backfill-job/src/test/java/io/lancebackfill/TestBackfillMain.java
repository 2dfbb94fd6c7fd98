package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.sql.LanceBackfillExtensions;
import io.lancebackfill.state.JobStatus;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The words of a spark-submit command line; WaysInIT runs the whole. */
class TestBackfillMain {

  @RegisterExtension
  private static final SharedSession session =
      new SharedSession(List.of(new LanceBackfillExtensions()));

  @BeforeAll
  static void start() {
    session
        .spark()
        .sql(
            "CREATE TABLE lance.default.images TBLPROPERTIES ('file_format_version'='2.1')"
                + " AS SELECT id FROM range(0, 100, 1, 4)");
    session.spark().sql("CALL lance.system.add_column('default.images', 'twice', 'id * 2')");
  }

  @Test
  void readsOptionsInBothForms() {
    BackfillResult result =
        run("--table=default.images", "--column", "twice", "--max-fragments", "3", "--dry-run");
    assertThat(result.status()).isEqualTo(JobStatus.PLANNED);
    assertThat(result.counts().fragmentsPlanned()).isEqualTo(3);
  }

  @Test
  void faultsOfOptionsAreReportedWithThoseOfTheColumn() {
    assertThat(
            faults(
                "stray",
                "--table",
                "default.images",
                "--column",
                "no_column",
                "--commit-granularity",
                "0",
                "--colunm",
                "x",
                "--where",
                "id <",
                "--read-version",
                "4711",
                "--job-id"))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("[INVALID_ARGUMENT] 'stray' is no option"),
            line -> assertThat(line).startsWith("[INVALID_OPTION] Option 'commit_granularity'"),
            line -> assertThat(line).startsWith("[UNKNOWN_OPTION] There is no option --colunm"),
            line -> assertThat(line).startsWith("[MISSING_ARGUMENT] Option --job-id"),
            line -> assertThat(line).startsWith("[COLUMN_NOT_FOUND] Column 'no_column'"),
            line -> assertThat(line).startsWith("[VERSION_NOT_FOUND]").contains("4711"),
            line -> assertThat(line).startsWith("[INVALID_WHERE]").contains("id <"));
  }

  @Test
  void faultsOfOptionsAreReportedWithThatOfTheTable() {
    assertThat(faults("--table", "images", "--column", "twice", "--concurrency", "0"))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("[INVALID_OPTION] Option 'concurrency'"),
            line ->
                assertThat(line)
                    .startsWith("[TABLE_NOT_FOUND]")
                    .contains("Did you mean 'lance.default.images'?"));
  }

  @Test
  void aMissingColumnHidesNoOtherFault() {
    assertThat(faults("--table", "default.images", "--where", "nothing > 1"))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("[MISSING_ARGUMENT] --column is missing"),
            line -> assertThat(line).startsWith("[INVALID_WHERE]").contains("nothing"));
    String uri = session.root().resolve("no.lance").toString();
    assertThat(faults("--table", uri))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("[MISSING_ARGUMENT] --column is missing"),
            line -> assertThat(line).startsWith("[NOT_A_LANCE_TABLE]").contains(uri));
  }

  @ParameterizedTest
  @CsvSource({
    "images, lance.default.images",
    "lance.images, lance.default.images",
    "other.images, lance.default.images",
    "default.imagse, lance.default.images"
  })
  void aCallIsToldWhichTableMayHaveBeenMeant(String given, String meant) {
    assertThatThrownBy(
            () ->
                session
                    .spark()
                    .sql("CALL lance.system.coverage('" + given + "', 'twice')")
                    .collect())
        .hasMessageStartingWith("[TABLE_NOT_FOUND]")
        .hasMessageContaining("Did you mean '" + meant + "'?");
  }

  @Test
  void onlyADefectIsReportedWithItsTrace() {
    Throwable cause = new IllegalStateException("no such state");
    assertThat(
            reported(
                new BackfillException(
                    BackfillErrorCode.FUNCTION_FAILED, "ValueError: no 7 here", cause)))
        .isEqualTo("[FUNCTION_FAILED] ValueError: no 7 here" + System.lineSeparator());
    assertThat(
            reported(
                new BackfillException(BackfillErrorCode.INTERNAL_ERROR, "Please report it", cause)))
        .contains("[INTERNAL_ERROR] Please report it")
        .contains("at io.lancebackfill.TestBackfillMain.onlyADefectIsReportedWithItsTrace")
        .contains("Caused by: java.lang.IllegalStateException: no such state");
  }

  private static String reported(BackfillException failure) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BackfillMain.report(failure, new PrintStream(bytes, true, StandardCharsets.UTF_8));
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static BackfillResult run(String... arguments) {
    Faults faults = new Faults();
    return BackfillMain.pipeline(session.spark(), BackfillMain.parse(arguments, faults), faults)
        .run()
        .get(0);
  }

  /** The lines that begin with a code. */
  private static List<String> faults(String... arguments) {
    BackfillException refused = catchThrowableOfType(BackfillException.class, () -> run(arguments));
    return refused.getMessage().lines().filter(line -> line.startsWith("[")).toList();
  }
}
