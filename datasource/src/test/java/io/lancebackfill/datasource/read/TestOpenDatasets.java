package io.lancebackfill.datasource.read;

import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.field;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetRef;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.arrow.vector.IntVector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lance.Dataset;

class TestOpenDatasets {
  @TempDir private Path folder;
  private DatasetRef ref;

  @BeforeEach
  void aTableOfFiveVersions() {
    ref = create(folder.resolve("t.lance"), "2.1", field("id", INT32));
    for (int i = 0; i < 4; i++) {
      append(ref, 2, (root, fragment, row) -> ((IntVector) root.getVector("id")).setSafe(row, 1));
    }
  }

  @Test
  void usersShareOneHandle() {
    OpenDatasets pool = new OpenDatasets(2);
    try (OpenDatasets.Hold one = pool.acquire(ref, 2, List.of());
        OpenDatasets.Hold two = pool.acquire(ref, 2, List.of());
        OpenDatasets.Hold other =
            pool.acquire(new DatasetRef(ref.uri(), Map.of("a", "b")), 2, List.of())) {
      assertThat(one.dataset()).isSameAs(two.dataset()).isNotSameAs(other.dataset());
      assertThat(one.fragment(0)).isNotNull();
      assertThat(one.fragment(3)).isNull();
    }
    assertThat(pool.size()).isEqualTo(2);
  }

  @Test
  void anEvictedHandleLivesAsLongAsItsUsers() {
    OpenDatasets pool = new OpenDatasets(2);
    OpenDatasets.Hold eldest = pool.acquire(ref, 1, List.of());
    OpenDatasets.Hold second = pool.acquire(ref, 1, List.of());
    Dataset dataset = eldest.dataset();
    pool.acquire(ref, 2, List.of()).close();
    Dataset unused;
    try (OpenDatasets.Hold hold = pool.acquire(ref, 3, List.of())) {
      unused = hold.dataset();
    }
    assertThat(pool.size()).isEqualTo(2);
    assertThat(dataset.closed()).isFalse();
    assertThat(dataset.version()).isEqualTo(1);
    eldest.close();
    eldest.close();
    assertThat(dataset.closed()).isFalse();
    second.close();
    assertThat(dataset.closed()).isTrue();
    assertThat(unused.closed()).isFalse();
    pool.acquire(ref, 4, List.of()).close();
    pool.acquire(ref, 5, List.of()).close();
    assertThat(unused.closed()).isTrue();
  }

  @Test
  void whatCouldNotBeOpenedIsNotKept() {
    OpenDatasets pool = new OpenDatasets(2);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> pool.acquire(ref, 9, List.of()))
          .hasMessageContaining("Version 9 of " + ref.uri() + " does not exist");
    }
    assertThat(pool.size()).isZero();
  }

  @Test
  void manyThreadsOnASmallPoolNeverSeeAClosedHandle() throws Exception {
    OpenDatasets pool = new OpenDatasets(2);
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Integer>> calls = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        calls.add(
            () -> {
              int wrong = 0;
              for (int round = 0; round < 40; round++) {
                long version = ThreadLocalRandom.current().nextLong(1, 6);
                try (OpenDatasets.Hold hold = pool.acquire(ref, version, List.of())) {
                  wrong += hold.dataset().countRows() == 2 * (version - 1) ? 0 : 1;
                }
              }
              return wrong;
            });
      }
      for (Future<Integer> done : threads.invokeAll(calls)) {
        assertThat(done.get()).isZero();
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(pool.size()).isLessThanOrEqualTo(2);
  }
}
