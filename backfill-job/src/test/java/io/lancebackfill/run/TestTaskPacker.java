package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.task.TaskSpec.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestTaskPacker {
  private static TaskSpec task(Kind kind, int fragment, long rows) {
    return new TaskSpec(
        kind, fragment, rows, 0, rows, new byte[0], new byte[0], false, List.of(), "{}");
  }

  private static List<TaskSpec> small(int count, long rows) {
    return IntStream.range(0, count).mapToObj(i -> task(Kind.WHOLE, i, rows)).toList();
  }

  private static List<Integer> sizes(List<List<TaskSpec>> packs) {
    return packs.stream().map(List::size).toList();
  }

  @ParameterizedTest
  @CsvSource({
    "20, 10, 3", // three packs for each of two slots
    "600, 10, 64", // not more than 64
    "6000, 1000, 16", // not more than 16,384 rows
    "6000, 8192, 2",
    "6000, 8193, 1",
    "3, 10, 1"
  })
  void packsSmallFragments(int fragments, long rows, int most) {
    List<TaskSpec> tasks = small(fragments, rows);
    List<List<TaskSpec>> packs = new TaskPacker(2, false).pack(tasks);
    assertThat(packs.get(0)).hasSize(most);
    assertThat(packs.stream().flatMap(List::stream)).containsExactlyElementsOf(tasks);
  }

  @Test
  void largeFragmentsAndRangesGoAlone() {
    List<TaskSpec> tasks = new ArrayList<>(small(60, 10));
    tasks.add(1, task(Kind.RANGE, 70, 10));
    tasks.add(3, task(Kind.WHOLE, 71, 20_000));
    assertThat(sizes(new TaskPacker(1, false).pack(tasks))).startsWith(1, 1, 1, 1, 20, 20);
  }

  @Test
  void packsAsManyAsAreDoneInAQuarterOfASecond() {
    TaskPacker packer = new TaskPacker(2, false);
    packer.took(1, 25_000_000);
    packer.took(1, 75_000_000);
    assertThat(packer.pack(small(600, 10)).get(0)).hasSize(5);
    packer.took(98, 98_000_000);
    assertThat(packer.pack(small(6000, 10)).get(0)).hasSize(64);
    packer.took(1, 100_000_000_000L);
    assertThat(packer.pack(small(600, 10)).get(0)).hasSize(1);
  }

  @Test
  void packsNothingOfPythonBeforeItIsTried() {
    TaskPacker packer = new TaskPacker(2, true);
    assertThat(packer.trying()).isTrue();
    assertThat(sizes(packer.pack(small(600, 10)))).containsOnly(1);
    packer.took(4, 100_000_000);
    assertThat(packer.trying()).isFalse();
    assertThat(packer.pack(small(600, 10)).get(0)).hasSize(10);
  }
}
