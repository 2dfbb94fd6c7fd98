package io.lancebackfill.plan;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TestBackfillPlanner {
  private static TableSnapshot table(long rows) {
    List<FragmentSnapshot> fragments =
        List.of(
            new FragmentSnapshot(0, 10, 0, List.of(), ""),
            new FragmentSnapshot(7, rows, 0, List.of(), ""));
    return new TableSnapshot(DatasetRef.of("/t"), 1, "2.1", false, List.of(), fragments, Map.of());
  }

  @Test
  void refusesFragmentsWithMoreRowsThanAnIntCounts() {
    assertThatCode(() -> BackfillPlanner.requireAddressable(table(Integer.MAX_VALUE)))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> BackfillPlanner.requireAddressable(table(1L << 31)))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_ARGUMENT] Fragment 7 of the table has 2147483648 rows, and a backfill reaches"
                + " 2147483647 in a fragment.");
  }
}
