package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls that are refused, each with its code, and leave the table as it was. */
class TestRefusedCalls {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static String table;
  private static Map<String, String> files;

  @BeforeAll
  static void start() {
    session
        .spark()
        .udf()
        .register(
            "dice",
            org.apache
                .spark
                .sql
                .functions
                .udf((org.apache.spark.sql.api.java.UDF1<Long, Long>) id -> id, DataTypes.LongType)
                .asNondeterministic());
    table = session.table("safe", 60, 2, "2.1");
    session.call("add_column('%s', 'n', 'id + 1')", table);
    session.call("backfill('%s', 'n')", table);
    files = session.allFiles("safe");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "backfill('nothing', 'n') | [TABLE_NOT_FOUND] | nothing",
        "backfill('lance.default.nothing', 'n') | [TABLE_NOT_FOUND] | nothing",
        "backfill('%s', 'm') | [COLUMN_NOT_FOUND] Column 'm' is not in the table | [id, text, n]",
        "backfill('%s', 'text') | [NOT_A_COMPUTED_COLUMN] Column 'text' holds base data | add_column",
        "coverage('%s', 'text') | [NOT_A_COMPUTED_COLUMN] Column 'text' holds base data | add_column",
        "alter_column('%s', 'text', 'id') | [NOT_A_COMPUTED_COLUMN] | 'text'",
        "drop_column('%s', 'text') | [NOT_A_COMPUTED_COLUMN] | 'text'",
        "drop_column('%s', 'm') | [COLUMN_NOT_FOUND] | 'm'",
        "backfil('%s', 'n') | [UNKNOWN_PROCEDURE] | backfill",
        "backfill(table => '%s', column => 'n', max_fragment => 3) | [UNKNOWN_ARGUMENT] |"
            + " max_fragments",
        "backfill(table => '%s', column => 'n', concurrency => 0) | [INVALID_OPTION] Option"
            + " 'concurrency' is '0' | of 1 or more",
        "backfill(table => '%s', column => 'n', batch_size => -5) | [INVALID_OPTION] Option"
            + " 'batch_size' is '-5' | of 1 or more",
        "backfill(table => '%s', column => 'n', max_fragments => 0) | [INVALID_OPTION] Option"
            + " 'max_fragments' | of 1 or more",
        "backfill(table => '%s', column => 'n', commit_granularity => -1) | [INVALID_OPTION]"
            + " Option 'commit_granularity' | of 1 or more",
        "backfill(table => '%s', column => 'n', read_version => 0) | [INVALID_OPTION] Option"
            + " 'read_version' | of 1 or more",
        "backfill(table => '%s', column => 'n', read_version => 4711) | [VERSION_NOT_FOUND] |"
            + " no version 4711",
        "backfill(table => '%s', column => 'n', checkpoint_interval => '0s') | [INVALID_OPTION]"
            + " Option 'checkpoint_interval' | of 100ms or more",
        "backfill(table => '%s', column => 'n', commit_interval => '-1s') | [INVALID_OPTION]"
            + " Option 'commit_interval' | '-1s'",
        "backfill(table => '%s', column => 'n', recompute => 'perhaps') | [INVALID_OPTION] Option"
            + " 'recompute' | perhaps",
        "backfill(table => '%s', column => 'n', job_id => 'a/b') | [INVALID_OPTION] Option 'job_id'"
            + " | letters",
        "backfill(table => '%s', column => 'n', where => 'id <') | [INVALID_WHERE] | id <",
        "backfill(table => '%s', column => 'n', where => ' ') | [INVALID_OPTION] Option 'where' |"
            + " not blank",
        "backfill(table => '%s', column => 'n', where => 'id + 1') | [INVALID_WHERE] | BIGINT",
        "backfill(table => '%s', column => 'n', where => 'no_such > 1') | [INVALID_WHERE] |"
            + " no_such",
        "backfill(table => '%s', column => 'n', where => 'rand() < 0.5') | [INVALID_WHERE] | rand",
        "backfill(table => '%s', column => 'n', where => 'id IN (SELECT 1)') | [INVALID_WHERE] |"
            + " subquery",
        "backfill(table => '%s', column => 'n', where => 'sum(id) > 1') | [INVALID_WHERE] | sum",
        "backfill('%s') | [MISSING_ARGUMENT] | 'column'",
        "function_body('%s', 'embed') | [FUNCTION_NOT_FOUND] No column of table | 'embed'",
        "backfill('%s', 'n', column => 'n') | [DUPLICATE_ARGUMENT] | 'column'",
        "add_column('%s', 'text', 'id') | [COLUMN_EXISTS] Column 'text' exists already and holds"
            + " base data | another name",
        "add_column('%s', 'n', 'id') | [COLUMN_EXISTS] Column 'n' exists already and holds computed"
            + " values | alter_column",
        "add_column('%s', '_rowid', 'id') | [INVALID_ARGUMENT] '_rowid' cannot be | metadata columns",
        "add_column('%s', '`_RowAddr`', 'id') | [INVALID_ARGUMENT] '_RowAddr' cannot be | metadata columns",
        "add_column('%s', '_fragid', 'id') | [INVALID_ARGUMENT] '_fragid' cannot be | metadata columns",
        "add_column('%s', '`_FRAGID`', 'id') | [INVALID_ARGUMENT] '_FRAGID' cannot be | metadata columns",
        "add_column('%s', '_distance', 'id') | [INVALID_ARGUMENT] | metadata columns",
        "add_column('%s', '_score', 'id') | [INVALID_ARGUMENT] | metadata columns",
        "add_column('%s', 'text__blob_pos', 'id') | [INVALID_ARGUMENT] | metadata columns",
        "add_column('%s', '_lance_backfill_shadow_of_n', 'id') | [INVALID_ARGUMENT] | metadata columns",
        "add_column('%s', columns => array('a', '_fragid'), expression => 'struct(id, id)') |"
            + " [INVALID_ARGUMENT] '_fragid' cannot be | metadata columns",
        "add_column('%s', '😀', 'id') | [INVALID_ARGUMENT] '😀' cannot be | beyond U+FFFF",
        "add_column('%s', 'a`b', 'id') | [INVALID_ARGUMENT] 'a`b' cannot be | backtick",
        "add_column('%s', '`a``b`', 'id') | [INVALID_ARGUMENT] 'a`b' cannot be | backtick",
        "add_column('%s', 'a.b', 'id') | [INVALID_ARGUMENT] 'a.b' cannot be | dot",
        "add_column('%s', '` `', 'id') | [INVALID_ARGUMENT] | it is blank",
        "add_column('%s', '', 'id') | [INVALID_ARGUMENT] | it is blank",
        "add_column('%s', '``', 'id') | [INVALID_ARGUMENT] | backtick",
        "add_column('%s', 'm ', 'id') | [INVALID_ARGUMENT] | white space at an end",
        "add_column('%s', 'a\\tb', 'id') | [INVALID_ARGUMENT] | a character that is not seen",
        "add_column('%s', '*', 'id') | [INVALID_ARGUMENT] | all columns",
        "add_column('%s', 'NULL', 'id') | [INVALID_ARGUMENT] | the value null",
        "add_column('%s', repeat('x', 256), 'id') | [INVALID_ARGUMENT] | more than 255 characters",
        "add_column('%s', '`N`', 'id') | [COLUMN_EXISTS] Column 'n' | alter_column",
        "add_column('%s', columns => array('x', 'X'), expression => 'struct(id, id)') |"
            + " [INVALID_ARGUMENT] | case alone",
        "add_column('%s', columns => array('x', '`x`'), expression => 'struct(id, id)') |"
            + " [INVALID_ARGUMENT] | case alone",
        "add_column('%s', 'm', 'named_struct(\"😀\", id)') | [INVALID_EXPRESSION] Column 'm' |"
            + " beyond U+FFFF",
        "add_column('%s', 'm', 'named_struct(\"a\", named_struct(\"b.c\", id))') |"
            + " [UNSUPPORTED_TYPE] | has a dot",
        "add_column('%s', 'm', 'named_struct(\"a\", id, \"A\", id)') | [UNSUPPORTED_TYPE] |"
            + " two fields of a struct have the name 'A'",
        "add_column('%s', 'm', 'id + 1 AND') | [INVALID_EXPRESSION] 'id + 1 AND' | position 8",
        "add_column('%s', 'm', 'id AS k') | [INVALID_EXPRESSION] | 'k' too many",
        "alter_column('%s', '`n`', 'id bigint') | [INVALID_EXPRESSION] | 'bigint' too many",
        "backfill(table => '%s', column => '`n`', where => 'id > 3 AND') | [INVALID_WHERE] |"
            + " 'AND' too many",
        "coverage('%s', '`text`') | [NOT_A_COMPUTED_COLUMN] Column 'text' | add_column",
        "add_column('%s', 'm', 'id', 'array<int>') | [TYPE_MISMATCH] Column 'm' was given data_type"
            + " array<int> | bigint",
        "add_column('%s', 'm', 'id', 'nonsense') | [UNSUPPORTED_TYPE] data_type 'nonsense' is no type"
            + " | bigint",
        "add_column('%s', 'm', 'map(id, text)') | [UNSUPPORTED_TYPE] | map<bigint,string>",
        "add_column('%s', 'm', 'text', 'fixed_size_list<float>[4]') | [TYPE_MISMATCH] | string",
        "add_column('%s', 'm', 'array(1F)', 'fixed_size_list<float>[0]') | [INVALID_OPTION] |"
            + " vector_dim",
        "add_column('%s', 'm', 'id +') | [INVALID_EXPRESSION] | id +",
        "add_column('%s', 'm', 'nowhere + 1') | [INVALID_EXPRESSION] | nowhere",
        "add_column('%s', 'm', 'no_function(id)') | [FUNCTION_NOT_FOUND] | no_function",
        "add_column('%s', 'm', 'rand()') | [NON_DETERMINISTIC_EXPRESSION] | rand",
        "add_column('%s', 'm', 'uuid()') | [NON_DETERMINISTIC_EXPRESSION] | uuid",
        "add_column('%s', 'm', 'dice(id)') | [NON_DETERMINISTIC_EXPRESSION] | dice",
        "add_column('%s', 'm', 'monotonically_increasing_id()') | [NON_DETERMINISTIC_EXPRESSION] |"
            + " monotonically_increasing_id",
        "add_column('%s', 'm', 'current_date()') | [SESSION_DEPENDENT_EXPRESSION] | current_date",
        "add_column('%s', 'm', 'now()') | [SESSION_DEPENDENT_EXPRESSION] | now",
        "add_column('%s', 'm', 'unix_timestamp()') | [SESSION_DEPENDENT_EXPRESSION] |"
            + " current_timestamp",
        "add_column('%s', 'm', 'current_user()') | [SESSION_DEPENDENT_EXPRESSION] | current_user",
        "add_column('%s', 'm', 'version()') | [SESSION_DEPENDENT_EXPRESSION] | version",
        "add_column('%s', 'm', 'sum(id)') | [NOT_ROW_WISE_EXPRESSION] | sum",
        "add_column('%s', 'm', 'row_number() OVER (ORDER BY id)') | [NOT_ROW_WISE_EXPRESSION] |"
            + " window",
        "add_column('%s', 'm', 'explode(array(id))') | [NOT_ROW_WISE_EXPRESSION] | explode",
        "add_column('%s', 'm', '(SELECT 1)') | [NOT_ROW_WISE_EXPRESSION] | subquery",
        "add_column('%s', 'm', 'id', NULL, map('vectordim', '3')) | [UNKNOWN_OPTION] | vector_dim",
        "add_column('%s', 'm', 'id', NULL, map('batch_size', '0')) | [INVALID_OPTION] | batch_size",
        "alter_column('%s', 'n', 'text') | [TYPE_MISMATCH] Column 'n' is of type bigint | string",
        "alter_column('%s', 'n', 'n + 1') | [INVALID_EXPRESSION] | depends on the column itself",
        "alter_column('%s', 'n', 'rand()') | [NON_DETERMINISTIC_EXPRESSION] | rand"
      })
  void isRefusedWithItsCode(String call, String first, String second) {
    refused(call.formatted(table), first, second);
  }

  @Test
  void addressesThatAreNoLanceTables() throws IOException {
    Path folder = Files.createDirectories(session.root().resolve("plain"));
    Files.writeString(folder.resolve("data.csv"), "1,2");
    for (String uri :
        List.of(folder.toString(), session.root().resolve("missing.lance").toString())) {
      refused("backfill('" + uri + "', 'n')", "[NOT_A_LANCE_TABLE]", uri);
      refused("add_column('" + uri + "', 'n', '1')", "[NOT_A_LANCE_TABLE]", uri);
      refused("jobs('" + uri + "')", "[NOT_A_LANCE_TABLE]", uri);
    }
    assertThat(Files.exists(session.root().resolve("missing.lance"))).isFalse();
    try (var children = Files.list(folder)) {
      assertThat(children).hasSize(1);
    }
  }

  @Test
  void allFaultsOfACallAreReportedTogether() {
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'no_column', concurrency => 0,"
                        + " batch_sise => 3, where => 'id <', read_version => 4711)",
                    table))
        .hasMessageContaining("[COLUMN_NOT_FOUND] Column 'no_column'")
        .hasMessageContaining("[INVALID_OPTION] Option 'concurrency'")
        .hasMessageContaining("[UNKNOWN_ARGUMENT] backfill has no argument 'batch_sise'")
        .hasMessageContaining("batch_size")
        .hasMessageContaining("[INVALID_WHERE]")
        .hasMessageContaining("[VERSION_NOT_FOUND]");
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => 'nothing', column => 'n', concurrency => 0)", table))
        .hasMessageContaining("[TABLE_NOT_FOUND]")
        .hasMessageContaining("[INVALID_OPTION] Option 'concurrency'");
    assertThatThrownBy(() -> session.call("backfill(table => '%s', where => 'id <')", table))
        .hasMessageContaining("[MISSING_ARGUMENT]")
        .hasMessageContaining("[INVALID_WHERE]");
    assertThatThrownBy(
            () ->
                session.call(
                    "add_column(table => '%s', column => 'text', expression => 'rand()',"
                        + " data_type => 'nonsense', options => map('speed', '1', 'batch_size',"
                        + " '-1'))",
                    table))
        .hasMessageContaining("[COLUMN_EXISTS]")
        .hasMessageContaining("[NON_DETERMINISTIC_EXPRESSION]")
        .hasMessageContaining("[UNSUPPORTED_TYPE]")
        .hasMessageContaining("[UNKNOWN_OPTION]")
        .hasMessageContaining("[INVALID_OPTION]");
    assertThat(session.allFiles("safe")).isEqualTo(files);
  }

  @Test
  void whatOnlyReadsWorksWhereNothingCanBeWritten() throws IOException {
    // Tests may run as root, for whom permission bits mean nothing: a file keeps our folder out.
    String closed = session.table("closed", 60, 2, "2.1");
    session.call("add_column('%s', 'n', 'id + 1')", closed);
    Files.writeString(session.folder("closed").resolve("_backfill"), "no room");
    Map<String, String> before = session.allFiles("closed");
    assertThat(session.coverage(closed, "n")).containsExactly(0L, 0L, 0L, 60L, 0L);
    assertThat(session.sql("CALL lance.system.jobs('%s')", closed).collectAsList()).isEmpty();
    assertThat(
            session
                .call("backfill(table => '%s', column => 'n', dry_run => true)", closed)
                .<String>getAs("status"))
        .isEqualTo("PLANNED");
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", closed))
        .hasMessageStartingWith("[STORAGE_FAILED] Cannot create ")
        .hasMessageContaining("_backfill");
    assertThat(session.allFiles("closed")).isEqualTo(before);
    assertThat(session.number("SELECT count(*) FROM %s", closed)).isEqualTo(60);
  }

  private static void refused(String call, String first, String second) {
    assertThatThrownBy(() -> session.sql("CALL lance.system." + call).collect())
        .hasMessageContaining(first)
        .hasMessageContaining(second);
    assertThat(session.allFiles("safe")).isEqualTo(files);
  }
}
