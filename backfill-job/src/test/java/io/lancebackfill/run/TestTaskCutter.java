package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.HandMade;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.TaskSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.roaringbitmap.RoaringBitmap;

class TestTaskCutter {
  /** Fragments of so many rows, all of which are computed. */
  private static BackfillPlan plan(int... rows) {
    List<FragmentPlan> fragments = new ArrayList<>();
    for (int count : rows) {
      fragments.add(HandMade.toCompute(fragments.size(), count, RowOffsets.range(0, count)));
    }
    return planOf(fragments.toArray(FragmentPlan[]::new));
  }

  private static BackfillPlan planOf(FragmentPlan... fragments) {
    return new BackfillPlan(List.of(fragments), 0, 0, 0, Set.of(), List.of(), 0, List.of());
  }

  /** Fragment and number of its tasks, in the order of work. */
  private static String cut(int slots, BackfillPlan plan) {
    List<String> shown = new ArrayList<>();
    List<TaskSpec> tasks = new TaskCutter(slots).cut(plan);
    for (int i = 0; i < tasks.size(); ) {
      int id = tasks.get(i).fragmentId();
      int from = i;
      while (i < tasks.size() && tasks.get(i).fragmentId() == id) {
        i++;
      }
      shown.add(i - from == 1 ? "" + id : id + "x" + (i - from));
    }
    return String.join(" ", shown);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Fewer fragments than slots: each slot has work.
        "4 | 1000000 | 0x4",
        "4 | 1000 1000 | 0x2 1x2",
        "4 | 1000 1000 1000 | 0x2 1x2 2x2",
        "4 | 10 1000 | 1x4 0",
        "4 | 100 | 0",
        // As many, or more: whole, also if they differ somewhat.
        "2 | 1000 1000 | 0 1",
        "4 | 1000 1000 1000 1900 | 0 1 2 3",
        "2 | 1 2 3 4 5 | 0 1 2 3 4",
        // One that would go on alone is cut, and begun first.
        "4 | 1000 1000 1000 1000 30000 1000 | 4x4 0 1 2 3 5",
        "16 | 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 10000000 | 18x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
        "1 | 1000 5 | 0 1",
      })
  void cutsByRows(int slots, String rows, String tasks) {
    int[] counts = Arrays.stream(rows.split(" ")).mapToInt(Integer::parseInt).toArray();
    assertThat(cut(slots, plan(counts))).isEqualTo(tasks);
  }

  @Test
  void rangesHoldEachRowOnceAndLikeManyOfThem() {
    // Every tenth row of the first half, and all of the second.
    RoaringBitmap compute = RowOffsets.range(50_000, 100_000);
    for (int row = 0; row < 50_000; row += 10) {
      compute.add(row);
    }
    BackfillPlan plan = planOf(HandMade.toCompute(3, 100_000, compute));
    List<TaskSpec> tasks = new TaskCutter(5).cut(plan);
    assertThat(tasks).extracting(TaskSpec::kind).containsOnly(TaskSpec.Kind.RANGE);
    assertThat(tasks).extracting(TaskSpec::start).first().isEqualTo(0L);
    assertThat(tasks).extracting(TaskSpec::end).last().isEqualTo(100_000L);
    RoaringBitmap all = new RoaringBitmap();
    for (TaskSpec task : tasks) {
      RoaringBitmap rows = RowOffsets.fromBytes(task.compute());
      assertThat(rows.getCardinality()).isEqualTo(11_000);
      assertThat(rows.first()).isGreaterThanOrEqualTo((int) task.start());
      assertThat(rows.last()).isLessThan((int) task.end());
      all.or(rows);
    }
    assertThat(all).isEqualTo(compute);
  }

  @Test
  void whatIsComputedAlreadyIsOnlyPutTogether() {
    FragmentPlan finished = HandMade.toCompute(0, 1000, new RoaringBitmap());
    FragmentPlan open = HandMade.toCompute(1, 1000, RowOffsets.range(0, 1000));
    List<TaskSpec> tasks = new TaskCutter(2).cut(planOf(finished, open));
    assertThat(tasks.stream().map(t -> t.fragmentId() + " " + t.kind()).toList())
        .containsExactly("1 RANGE", "1 RANGE", "0 ASSEMBLE");
  }
}
