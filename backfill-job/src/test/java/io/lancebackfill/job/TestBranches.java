package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Branches of a table, each addressed by its folder. */
class TestBranches {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static Dataset<Row> read(String uri) {
    return session.spark().read().format("lance").load(uri);
  }

  private static Row backfill(String table, String more) {
    return session.call("backfill('%s', 'n'%s)", table, more);
  }

  @ParameterizedTest
  @CsvSource({"one, exp, '', false", "two, team/a_b, /, true"})
  void aBranchGoesThroughWhatATableDoes(String name, String branch, String end, boolean stable) {
    String main = session.table(name, 40, 4, "2.1", stable);
    Path folder = session.folder(name);
    session.call("add_column('%s', 'n', 'length(text)')", main);
    assertThat(backfill(main, ", max_fragments => 2").getString(1)).isEqualTo("PAUSED");
    Pylance.run(
        folder,
        """
        b = lance.dataset(uri).create_branch('%s')
        b.insert(pa.table({'id': [40, 41], 'text': ['x', 'xy']}))
        b.delete('id = 3')
        """
            .formatted(branch));
    String uri = folder + "/tree/" + branch + end;

    Row filled = backfill(uri, "");
    assertThat(filled.getString(1)).isEqualTo("DONE");
    // The records of what the branch began with are the table's.
    assertThat(session.coverage(uri, "n")).containsExactly(22L, 0L, 0L, 0L, 19L);
    assertThat(read(uri.replaceAll("/$", "")).where("NOT (n <=> length(text))").count()).isZero();
    assertThat(session.number("SELECT count(n) FROM %s", main)).isEqualTo(20);

    session.call("alter_column('%s', 'n', 'length(text) + 1')", uri);
    assertThat(backfill(uri, ", where => 'id >= 40'").<Long>getAs("rows_computed")).isEqualTo(2);
    assertThat(backfill(uri, ", recompute_unknown => true").getString(1)).isEqualTo("DONE");
    assertThat(session.coverage(uri, "n")).containsExactly(41L, 0L, 0L, 0L, 0L);
    session.sql("CALL lance.system.clean('%s', '0s')", uri).collectAsList();
    session.sql("CALL lance.system.clean('%s', '0s')", main).collectAsList();
    assertThat(read(uri.replaceAll("/$", "")).where("NOT (n <=> length(text) + 1)").count())
        .isZero();
    assertThat(backfill(main, "").<Long>getAs("rows_computed")).isEqualTo(20);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = length(text)", main))
        .isEqualTo(40);

    session.call("drop_column('%s', 'n')", uri);
    assertThat(read(uri.replaceAll("/$", "")).columns()).containsExactly("id", "text");
    assertThat(session.sql("SELECT * FROM %s", main).columns()).containsExactly("id", "text", "n");
    assertThat(Pylance.run(folder, "print(lance.dataset(uri).tags.list())")).isEqualTo("{}");
  }

  /** What main no longer names, a branch may. */
  @Test
  void cleanLeavesWhatABranchNames() {
    String main = session.table("three", 20, 2, "2.1");
    Path folder = session.folder("three");
    session.call("add_column('%s', 'n', 'length(text)')", main);
    backfill(main, "");
    Pylance.run(folder, "lance.dataset(uri).create_branch('kept')");
    session.call("drop_column('%s', 'n')", main);
    Pylance.run(
        folder,
        """
        from datetime import timedelta
        lance.dataset(uri).cleanup_old_versions(older_than=timedelta(0))
        """);
    session.sql("CALL lance.system.clean('%s', '0s')", main).collectAsList();
    String branch = folder + "/tree/kept";
    assertThat(read(branch).where("n = length(text)").count()).isEqualTo(20);
    assertThat(session.coverage(branch, "n").stream().mapToLong(Long::longValue).sum())
        .isEqualTo(20);
  }

  @Test
  void aTableInAFolderCalledTreeIsNoBranch() {
    Path folder = session.root().resolve("tree").resolve("exp.lance");
    Pylance.run(folder, "lance.write_dataset(pa.table({'text': ['a', 'bc']}), uri)");
    session.call("add_column('%s', 'n', 'length(text)')", folder);
    assertThat(backfill(folder + "/", "").<Long>getAs("rows_computed")).isEqualTo(2);
    assertThat(read(folder.toString()).where("n = length(text)").count()).isEqualTo(2);
  }
}
