package io.lancebackfill.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole runner on a tiny table: every arm runs, its values are right, both files are left. */
class TestBenchmarkSmoke {
  @Test
  void runsEveryArmAndComparesItsValues(@TempDir Path folder) throws Exception {
    Path out = folder.resolve("out");
    BenchmarkMain.main(
        new String[] {
          "--rows", "600",
          "--fragments", "3",
          "--rounds", "1",
          "--slots", "2",
          "--out", out.toString(),
          "--work", folder.resolve("work").toString()
        });
    List<String> table = Files.readAllLines(out.resolve("text-400k.md"));
    assertThat(table).filteredOn(line -> line.startsWith("| floor")).hasSize(2);
    assertThat(table).filteredOn(line -> line.startsWith("| backfill, Arrow")).hasSize(2);
    assertThat(table).filteredOn(line -> line.startsWith("| backfill, SQL")).hasSize(2);
    assertThat(table).filteredOn(line -> line.startsWith("| lance-spark")).hasSize(2);
    assertThat(out.resolve("text-400k.json")).content().contains("\"differences\" : 0");
    assertThat(folder.resolve("work")).doesNotExist();
  }

  /** It ends with an exception where a call computes other rows than it should. */
  @Test
  void callsThatFindLittleToDoFindIt() throws Exception {
    assertThat(KeepUpMain.run(20, 1))
        .hasSize(4)
        .allSatisfy((call, seconds) -> assertThat(seconds).hasSize(2).doesNotContain(0.0));
  }

  @Test
  void callsOnTablesNewAndOldTakeTurns() throws Exception {
    assertThat(OldTableMain.run(300, 1))
        .hasSize(2)
        .allSatisfy((table, cost) -> assertThat(cost.bytes()).hasSize(2).doesNotContain(0L));
  }
}
