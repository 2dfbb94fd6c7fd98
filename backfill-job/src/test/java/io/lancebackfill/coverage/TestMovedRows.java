package io.lancebackfill.coverage;

import static io.lancebackfill.HandMade.fragment;
import static io.lancebackfill.HandMade.part;
import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.state.ColumnOrigin.Part;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.roaringbitmap.RoaringBitmap;

class TestMovedRows {
  private static RoaringBitmap parsed(String offsets) {
    return rows(
        offsets.isBlank()
            ? new int[0]
            : Arrays.stream(offsets.trim().split(" ")).mapToInt(Integer::parseInt).toArray());
  }

  /** For each fragment before: its rows, those that are deleted, and those of the record. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "3;;0 2, 3;;1               | 6   | 0 2 4",
        "3;;0 1 2, 3;;0 1 2         | 6   | 0 1 2 3 4 5",
        "3;;, 3;;2                  | 6   | 5",
        "1;;0                       | 1   | 0",
        // Deleted rows are gone, and those behind them move up.
        "5;0 2;0 1 4                | 3   | 0 2",
        "5;4;0 4                    | 4   | 0",
        "5;0;0 1                    | 4   | 0",
        "4;0 1 2 3;0 1, 2;;0 1      | 2   | 0 1",
        "4;0 1 2;3, 4;1;0 1 3       | 4   | 0 1 3",
        // Into several.
        "4;;2 3, 4;;0 3             | 3 5 | 2 / 0 1 4",
        "6;;0 1 2 3 4 5             | 2 2 2 | 0 1 / 0 1 / 0 1",
        "6;;3                       | 3 3 | / 0",
        "6;1 2;0 3 5                | 3 1 | 0 1 / 0",
        "2;;1, 2;;0, 2;;1           | 1 1 4 | / 0 / 0 3",
      })
  void putsLiveRowsEndToEnd(String before, String after, String expected) {
    List<FragmentSnapshot> to = new ArrayList<>();
    for (String size : after.split(" ", -1)) {
      to.add(fragment(10 + to.size(), Long.parseLong(size)));
    }
    MovedRows moved = new MovedRows(to);
    for (String one : before.split(",", -1)) {
      String[] of = one.trim().split(";", -1);
      int size = Integer.parseInt(of[0]);
      RoaringBitmap live = RoaringBitmap.andNot(range(0, size), parsed(of[1]));
      RoaringBitmap recorded = parsed(of[2]);
      if (!recorded.isEmpty()) {
        moved.add(part("F", "in", recorded), true, of[1].isEmpty() ? null : live);
      }
      moved.next(live.getLongCardinality());
    }
    String[] expectedRows = expected.split("/", -1);
    for (int i = 0; i < to.size(); i++) {
      RoaringBitmap rows = parsed(expectedRows[i]);
      assertThat(moved.parts(to.get(i), "now"))
          .isEqualTo(rows.isEmpty() ? List.of() : List.of(part("F", "now", rows)));
    }
  }

  @Test
  void failedRowsMoveAlong() {
    FragmentSnapshot to = fragment(9, 4);
    MovedRows moved = new MovedRows(List.of(to));
    moved.add(new Part("F", "in", "g", rows(1, 2, 3), rows(1, 3)), true, rows(1, 3, 4, 5));
    assertThat(moved.parts(to, "now"))
        .containsExactly(new Part("F", "now", "g", rows(0, 1), rows(0, 1)));
  }

  /** What was made from earlier inputs stays so; the same source is one part. */
  @Test
  void partsOfOneSourceBecomeOne() {
    FragmentSnapshot to = fragment(9, 6);
    MovedRows moved = new MovedRows(List.of(to));
    moved.add(part("F", "a1", rows(0)), true, null);
    moved.add(part("F", "old", rows(1)), false, null);
    moved.add(part("E", "a1", rows(2)), true, null);
    moved.next(3);
    moved.add(part("F", "b1", rows(0)), true, null);
    moved.add(part("F", "old", rows(1)), false, null);
    moved.add(new Part("F", "b1", "g", rows(2), rows()), true, null);
    moved.next(3);
    assertThat(moved.parts(to, "now"))
        .containsExactly(
            part("F", "now", rows(0, 3)),
            part("F", "old", rows(1, 4)),
            part("E", "now", rows(2)),
            new Part("F", "now", "g", rows(5), rows()));
    assertThat(moved.parts(fragment(77, 6), "now")).isEmpty();
  }
}
