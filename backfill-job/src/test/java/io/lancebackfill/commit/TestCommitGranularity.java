package io.lancebackfill.commit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestCommitGranularity {
  /** Manifests stay at or under 1 % of the column files, as long as a commit can be that large. */
  @ParameterizedTest
  @CsvSource({
    // bytes of the manifest, of a column file, fragments of a commit at least
    "0, 1000, 1",
    "2000, 1000000, 1",
    "20000, 1000000, 2",
    "2000000, 1000000, 200",
    "2000000, 100000, 2000",
    "160000000, 1000, 4096",
    "9000000000000000, 1, 4096",
    "2000, 0, 4096"
  })
  void growsWithTheManifest(long manifest, long file, int fragments) {
    CommitGranularity adaptive = new CommitGranularity(null, manifest);
    assertThat(adaptive.adaptive()).isTrue();
    assertThat(adaptive.next(1, file)).isEqualTo(fragments);
    assertThat(adaptive.next(50, 50 * file)).isEqualTo(fragments);
    assertThat(adaptive.most(fragments)).isEqualTo(Math.max(64, fragments));
  }

  @ParameterizedTest
  @CsvSource({"1", "7", "100000"})
  void aGivenNumberStands(int given) {
    CommitGranularity fixed = new CommitGranularity(given, 2_000_000);
    assertThat(fixed.adaptive()).isFalse();
    assertThat(fixed.next(3, 10)).isEqualTo(given);
    assertThat(fixed.most(1)).isEqualTo(given);
  }
}
