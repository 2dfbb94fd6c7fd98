package io.lancebackfill.datasource.write;

import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.delete;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.Ref;
import org.lance.WriteParams.WriteMode;
import org.lance.cleanup.CleanupPolicy;
import org.lance.compaction.CompactionOptions;

class TestStagedFileCleaner {
  private final Instant later = Instant.now().plusSeconds(3600);

  @TempDir private Path folder;
  private DatasetRef ref = DatasetRef.of("unset");

  @BeforeEach
  void prepare() {
    ref = create(folder.resolve("t.lance"), "2.1", field("id", INT32));
    fragment();
    fragment();
  }

  private void fragment() {
    append(ref, 3, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
  }

  private void staged(String name, Duration age) throws IOException {
    Path file = Files.writeString(data().resolve(name), "0123456789");
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(age)));
  }

  private Path data() {
    return Path.of(ref.uri(), "data");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(data())) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  private CleanedFiles clean(Set<String> keep, Instant olderThan, boolean dryRun) {
    return new StagedFileCleaner(ref).clean(keep, olderThan, false, dryRun);
  }

  @Test
  void deletesWhatNoVersionNames() throws IOException {
    List<String> before = files();
    staged("old.lance", Duration.ofDays(9));
    staged(".tmpAbC", Duration.ofDays(9));
    staged("young.lance", Duration.ZERO);
    staged("kept.lance", Duration.ofDays(9));
    staged("foreign.txt", Duration.ofDays(9));
    Files.createDirectory(data().resolve("folder.lance"));
    Instant hourAgo = Instant.now().minus(Duration.ofHours(1));

    CleanedFiles expected = new CleanedFiles(2, 20, List.of(".tmpAbC", "old.lance"), true);
    assertThat(clean(Set.of("kept.lance"), hourAgo, true)).isEqualTo(expected);
    assertThat(files()).hasSize(before.size() + 6);
    assertThat(clean(Set.of("kept.lance"), hourAgo, false)).isEqualTo(expected);

    assertThat(files())
        .containsAll(before)
        .contains("young.lance", "kept.lance", "foreign.txt", "folder.lance")
        .hasSize(before.size() + 4);
    assertThat(clean(Set.of("kept.lance"), hourAgo, false))
        .isEqualTo(new CleanedFiles(0, 0, List.of(), true));
  }

  /** Of files that are younger than seven days only those go that are known to be column files. */
  @Test
  void leavesFreshFilesOfOtherWritersAlone() throws IOException {
    List<String> before = files();
    staged("empty.lance", Duration.ofHours(2));
    Files.writeString(data().resolve("empty.lance"), "");
    staged("cut.lance", Duration.ofHours(2));
    staged(".tmpAbC", Duration.ofHours(2));
    String theirs = written(field("id", INT32));
    String ours;
    try (ColumnFileWriter writer =
        ColumnFileWriter.open(
            ref, "2.1", LanceTables.latest(ref).columns(), LanceAllocator.root())) {
      try (VectorSchemaRoot batch = writer.newBatch()) {
        ((IntVector) batch.getVector("id")).setSafe(0, 7);
        batch.setRowCount(1);
        writer.write(batch);
      }
      ours = writer.finish().path();
    }

    assertThat(clean(Set.of(), later, true).paths()).containsExactly(ours);
    assertThat(clean(Set.of(), later, false).paths()).containsExactly(ours);

    assertThat(files())
        .containsAll(before)
        .contains("empty.lance", "cut.lance", ".tmpAbC", theirs)
        .hasSize(before.size() + 4);
  }

  /** A data file that another writer is about to commit. */
  private String written(Field field) {
    try (VectorSchemaRoot rows =
        VectorSchemaRoot.create(new Schema(List.of(field)), LanceAllocator.root())) {
      ((IntVector) rows.getVector(0)).setSafe(0, 7);
      rows.setRowCount(1);
      return Fragment.write()
          .datasetUri(ref.uri())
          .allocator(LanceAllocator.root())
          .data(rows)
          .mode(WriteMode.APPEND)
          .execute()
          .get(0)
          .getFiles()
          .get(0)
          .getPath();
    }
  }

  @Test
  void keepsWhatOnlyAnOldVersionOrABranchNames() throws IOException {
    try (Dataset dataset = open(ref);
        Dataset branch = dataset.createBranch("b", Ref.ofMain())) {
      assertThat(branch.version()).isEqualTo(3);
      dataset.compact(CompactionOptions.builder().withTargetRowsPerFragment(1000).build());
    }
    List<String> before = files();
    assertThat(before).hasSize(3);
    assertThat(clean(Set.of(), later, false).files()).isZero();
    assertThat(files()).isEqualTo(before);
    try (Dataset dataset = open(ref);
        Dataset version = dataset.checkoutVersion(3);
        Dataset branch = dataset.checkout(Ref.ofBranch("b"))) {
      assertThat(version.countRows("id >= 0")).isEqualTo(6);
      assertThat(branch.countRows("id >= 0")).isEqualTo(6);
    }
  }

  @Test
  void keepsFilesOfAVersionThatIsCleanedOnMainButNotInABranch() throws IOException {
    try (Dataset dataset = open(ref)) {
      dataset.createBranch("b", Ref.ofMain()).close();
      dataset.compact(CompactionOptions.builder().withTargetRowsPerFragment(1000).build());
      dataset.cleanupWithPolicy(
          CleanupPolicy.builder().withBeforeVersion(dataset.version()).build());
    }
    clean(Set.of(), later, false);
    try (Dataset dataset = open(ref);
        Dataset branch = dataset.checkout(Ref.ofBranch("b"))) {
      assertThat(branch.countRows("id >= 0")).isEqualTo(6);
    }
  }

  @Test
  void leavesStateBesideTheTableAlone() throws IOException {
    Path state = Files.createDirectories(Path.of(ref.uri(), "_backfill", "c.lance", "data"));
    Files.writeString(state.resolve("x.lance"), "x");
    staged("old.lance", Duration.ofDays(9));
    assertThat(clean(Set.of(), later, false).paths()).containsExactly("old.lance");
    assertThat(state.resolve("x.lance")).exists();
  }

  @Test
  void deletesNothingOfWhatIsNoTable() throws IOException {
    Path other = Files.createDirectories(folder.resolve("other/data"));
    Files.writeString(other.resolve("x.lance"), "x");
    StagedFileCleaner cleaner =
        new StagedFileCleaner(DatasetRef.of(folder.resolve("other").toString()));
    assertThatThrownBy(() -> cleaner.clean(Set.of(), later, true, false))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("other");
    assertThat(other.resolve("x.lance")).exists();
  }

  /** What object stores get, tried on a local file system. */
  @Test
  void deletesThroughLanceWhatIsOlderThanTheOldestVersion() throws IOException {
    List<String> before = files();
    delete(ref, "id = 1");
    staged("ancient.lance", Duration.ofDays(30));
    staged("old.lance", Duration.ofDays(2));
    staged("young.lance", Duration.ZERO);
    StagedFileCleaner cleaner = new StagedFileCleaner(ref);
    CleanedFiles nothing = new CleanedFiles(0, 0, List.of(), false);

    assertThat(cleaner.cleanThroughLance(Set.of(), later, true, true)).isEqualTo(nothing);
    assertThat(cleaner.cleanThroughLance(Set.of("ancient.lance"), later, true, false))
        .isEqualTo(nothing);
    Instant tenDaysAgo = Instant.now().minus(Duration.ofDays(10));
    assertThat(cleaner.cleanThroughLance(Set.of(), tenDaysAgo, false, false)).isEqualTo(nothing);
    assertThat(files()).contains("ancient.lance", "old.lance", "young.lance");

    assertThat(cleaner.cleanThroughLance(Set.of(), later, false, false))
        .isEqualTo(new CleanedFiles(1, 10, List.of(), false));
    assertThat(files()).contains("old.lance").doesNotContain("ancient.lance");
    assertThat(cleaner.cleanThroughLance(Set.of(), later, true, false).files()).isEqualTo(1);

    assertThat(files()).containsAll(before).contains("young.lance").hasSize(before.size() + 1);
    try (Dataset dataset = open(ref)) {
      assertThat(dataset.listVersions()).hasSize(4);
    }
    assertThat(LanceTables.latest(ref).version()).isEqualTo(4);
  }
}
