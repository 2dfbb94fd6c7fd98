package io.lancebackfill.datasource.commit;

import static io.lancebackfill.datasource.LanceFixture.delete;
import static io.lancebackfill.datasource.LanceFixture.open;
import static io.lancebackfill.datasource.commit.CommitFixture.expected;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.Dataset;
import org.lance.compaction.CompactionOptions;
import org.lance.index.IndexOptions;
import org.lance.index.IndexParams;
import org.lance.index.IndexType;
import org.lance.index.scalar.ScalarIndexParams;
import org.lance.schema.ColumnAlteration;

/**
 * The other writer of these tests is a real one. It commits when the committer asks whether it is
 * still the owner: after the look at the newest version, right before the commit.
 */
class TestColumnFileCommitter {
  private static final BooleanSupplier OWNER = () -> true;

  @TempDir private Path folder;
  private long allocatedBefore;

  @BeforeEach
  void remember() {
    allocatedBefore = LanceAllocator.root().getAllocatedMemory();
  }

  @AfterEach
  void everythingIsFreed() {
    assertThat(LanceAllocator.root().getAllocatedMemory()).isEqualTo(allocatedBefore);
  }

  private CommitFixture fixture(String storageVersion, boolean stableRowIds) {
    return new CommitFixture(folder.resolve("t.lance"), storageVersion, stableRowIds);
  }

  /** Two fragments without data of "out". */
  private CommitFixture plain() {
    return fixture("2.1", false).append().append().declare("out");
  }

  /** Does something once, when the first commit is about to be sent. */
  private static BooleanSupplier meanwhile(Runnable action) {
    AtomicInteger asked = new AtomicInteger();
    return () -> {
      if (asked.getAndIncrement() == 0) {
        action.run();
      }
      return true;
    };
  }

  private static CommitOutcome commit(
      CommitFixture table, BooleanSupplier owner, ColumnFileAttachment... group) {
    return table.committer("out").commit(List.of(group), Map.of(), owner);
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void attachesFilesOfBothKindsInTwoTransactions(String storageVersion, boolean stableRowIds) {
    // Fragment 0 has no data of the column, 1 and 2 have NULLs in the file of the append.
    CommitFixture table =
        fixture(storageVersion, stableRowIds).append().declare("out", "more").append().append();
    delete(table.ref, "id = 1001");
    Map<String, String> before = table.dataFiles();
    assertThat(table.latest().fragment(1).orElseThrow().sharesFile(table.column("out"))).isTrue();

    CommitOutcome outcome =
        table
            .committer("out")
            .commit(
                List.of(table.stage(0, 1, "out"), table.stage(1, 2, "out")),
                Map.of("lance-backfill.job", "j1"),
                OWNER);

    assertThat(outcome.committed()).containsExactly(0, 1);
    assertThat(outcome.refused()).isEmpty();
    assertThat(outcome.commits()).isEqualTo(2);
    assertThat(outcome.version()).isEqualTo(table.latest().version());
    Map<Long, Object> expected = expected(1, 2, -1);
    expected.remove(1001L);
    assertThat(table.values("out")).isEqualTo(expected);
    assertThat(table.values("text").get(1002L)).isEqualTo("t2");
    assertThat(table.dataFiles()).containsAllEntriesOf(before);
    assertThat(table.latest().stableRowIds()).isEqualTo(stableRowIds);
    try (Dataset dataset = open(table.ref)) {
      assertThat(dataset.readTransaction().orElseThrow().transactionProperties().orElseThrow())
          .containsEntry("lance-backfill.job", "j1");
    }

    // From now on the fragment is like the others.
    assertThat(table.latest().fragment(1).orElseThrow().sharesFile(table.column("out"))).isFalse();
    CommitOutcome again = commit(table, OWNER, table.stage(0, 3, "out"), table.stage(1, 4, "out"));
    assertThat(again.commits()).isEqualTo(1);
    expected = expected(3, 4, -1);
    expected.remove(1001L);
    assertThat(table.values("out")).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"2.0", "2.1"})
  void attachesAGroupOfColumns(String storageVersion) {
    CommitFixture table = fixture(storageVersion, false).append().declare("a", "b").append();
    CommitOutcome outcome =
        table
            .committer("b", "a")
            .commit(
                List.of(table.stage(0, 1, "b", "a"), table.stage(1, 2, "b", "a")), Map.of(), OWNER);
    assertThat(outcome.committed()).containsExactly(0, 1);
    assertThat(table.values("a")).isEqualTo(expected(1, 2));
    assertThat(table.values("b")).isEqualTo(expected(1, 2));

    // One of the group alone: its file holds another column now, so it moves out of it.
    CommitOutcome single =
        table.committer("a").commit(List.of(table.stage(0, 5, "a")), Map.of(), OWNER);
    assertThat(single.committed()).containsExactly(0);
    assertThat(table.values("a")).isEqualTo(expected(5, 2));
    assertThat(table.values("b")).isEqualTo(expected(1, 2));

    // And together again: two files that hold nothing else any more go.
    CommitOutcome together =
        table.committer("b", "a").commit(List.of(table.stage(0, 6, "b", "a")), Map.of(), OWNER);
    assertThat(together.committed()).containsExactly(0);
    assertThat(table.values("a")).isEqualTo(expected(6, 2));
    assertThat(table.values("b")).isEqualTo(expected(6, 2));
    assertThat(table.latest().fragment(0).orElseThrow().files()).hasSize(2);
  }

  @Test
  void countsFilesThatTheTableNamesAlreadyAsCommitted() {
    CommitFixture table = plain();
    ColumnFileAttachment attachment = table.stage(0, 1, "out");
    commit(table, OWNER, attachment);
    long version = table.latest().version();

    CommitOutcome again = commit(table, OWNER, attachment, table.stage(1, 1, "out"));

    assertThat(again.committed()).containsExactly(0, 1);
    assertThat(again.commits()).isEqualTo(1);
    CommitOutcome third = commit(table, OWNER, attachment);
    assertThat(third.committed()).containsExactly(0);
    assertThat(third.commits()).isZero();
    assertThat(third.version()).isEqualTo(version + 1).isEqualTo(table.latest().version());
  }

  @Test
  void doesNothingForAnEmptyGroup() {
    CommitFixture table = plain();
    CommitOutcome outcome = commit(table, OWNER);
    assertThat(outcome)
        .isEqualTo(
            new CommitOutcome(
                table.latest().version(), 0, List.of(), Map.of(), Map.of(), Set.of()));
    ColumnFileAttachment one = table.stage(0, 1, "out");
    assertThatThrownBy(() -> commit(table, OWNER, one, one))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Fragment 0 of")
        .hasMessageContaining("two column files in one group");
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void goesTogetherWithAConcurrentAppend(boolean shared) {
    CommitFixture table = shared ? sharedTable() : plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    CommitOutcome outcome = commit(table, meanwhile(table::append), file);
    assertThat(outcome.committed()).containsExactly(0);
    assertThat(table.values("out")).isEqualTo(expected(1, -1, -1));
  }

  /** Two fragments with NULLs of "out" in the file of the append. */
  private CommitFixture sharedTable() {
    return fixture("2.1", false).declare("out").append().append();
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void goesTogetherWithAConcurrentDeleteInTheSameFragment(boolean shared) {
    CommitFixture table = shared ? sharedTable() : plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    CommitOutcome outcome = commit(table, meanwhile(() -> delete(table.ref, "id = 3")), file);
    assertThat(outcome.committed()).containsExactly(0);
    assertThat(outcome.commits()).isEqualTo(1);
    Map<Long, Object> expected = expected(1, -1);
    expected.remove(3L);
    assertThat(table.values("out")).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void goesTogetherWithAConcurrentFillingOfAnotherColumn(boolean shared) {
    CommitFixture table = fixture("2.1", false);
    if (shared) {
      table.declare("out", "other").append().append();
    } else {
      table.append().append().declare("out", "other");
    }
    ColumnFileAttachment file = table.stage(0, 1, "out");
    ColumnFileAttachment theirs = table.stage(0, 7, "other");
    CommitOutcome outcome =
        commit(
            table,
            meanwhile(() -> table.committer("other").commit(List.of(theirs), Map.of(), OWNER)),
            file);
    assertThat(outcome.committed()).containsExactly(0);
    assertThat(table.values("out")).isEqualTo(expected(1, -1));
    assertThat(table.values("other")).isEqualTo(expected(7, -1));
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void refusesWhereSomebodyElseFilledTheColumnAndCommitsTheRest(boolean shared) {
    CommitFixture table = shared ? sharedTable() : plain();
    ColumnFileAttachment first = table.stage(0, 1, "out");
    ColumnFileAttachment second = table.stage(1, 1, "out");
    ColumnFileAttachment theirs = table.stage(0, 7, "out");
    CommitOutcome outcome =
        commit(table, meanwhile(() -> commit(table, OWNER, theirs)), first, second);
    assertThat(outcome.committed()).containsExactly(1);
    assertThat(outcome.refused()).containsExactly(Map.entry(0, Refusal.COLUMN_CHANGED));
    assertThat(table.values("out")).isEqualTo(expected(7, 1));
  }

  /** Lance gives the id of a column that is in no file yet to the next one. */
  @ParameterizedTest
  @CsvSource({"false", "true"})
  void stopsWhenTheColumnIsDropped(boolean idIsUsedAgain) {
    CommitFixture table = plain();
    ColumnFileCommitter committer = table.committer("out");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    LanceTables.dropColumns(table.ref, List.of("out"));
    if (idIsUsedAgain) {
      int id = table.declare("price").column("price").id();
      assertThat(file.file().fieldIds()).containsExactly(id);
    }
    long version = table.latest().version();
    assertThatThrownBy(() -> committer.commit(List.of(file), Map.of(), OWNER))
        .isInstanceOf(ColumnGoneException.class)
        .hasMessageContaining("Column out (field ids [2])")
        .hasMessageContaining("is gone in version " + version)
        .hasMessageContaining("Nothing was committed");
    assertThat(table.latest().version()).isEqualTo(version);
  }

  @Test
  void followsAColumnThatIsRenamed() {
    CommitFixture table = plain();
    LanceTables.updateFieldMetadata(
        table.ref, Map.of(table.column("out").id(), Map.of("computed_column", "true")));
    ColumnFileCommitter committer = table.committer("out");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    try (Dataset dataset = open(table.ref)) {
      dataset.alterColumns(List.of(new ColumnAlteration.Builder("out").rename("result").build()));
    }
    assertThat(committer.commit(List.of(file), Map.of(), OWNER).committed()).containsExactly(0);
    assertThat(table.values("result")).isEqualTo(expected(1, -1));
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void refusesAFragmentThatWasCompacted(boolean meanwhile) {
    CommitFixture table = plain().append();
    ColumnFileAttachment first = table.stage(0, 1, "out");
    Runnable compaction =
        () -> {
          try (Dataset dataset = open(table.ref)) {
            dataset.compact(CompactionOptions.builder().withTargetRowsPerFragment(1000).build());
          }
        };
    if (!meanwhile) {
      compaction.run();
    }
    CommitOutcome outcome = commit(table, meanwhile ? meanwhile(compaction) : OWNER, first);
    assertThat(outcome.committed()).isEmpty();
    assertThat(outcome.refused()).containsExactly(Map.entry(0, Refusal.FRAGMENT_GONE));
    assertThat(outcome.commits()).isZero();
    assertThat(table.values("out")).isEqualTo(expected(-1, -1, -1));
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void refusesWhereAnInputWasWrittenInPlace(boolean shared) {
    CommitFixture table = shared ? sharedTable() : plain();
    ColumnFileAttachment stale = table.withInput(table.stage(0, 1, "out"), "text");
    ColumnFileAttachment fine = table.withInput(table.stage(1, 1, "out"), "text");
    table.committer("text").commit(List.of(table.stage(0, 9, "text")), Map.of(), OWNER);
    assertThat(table.values("text").get(1L)).isEqualTo("f9");

    CommitOutcome outcome = commit(table, OWNER, stale, fine);

    assertThat(outcome.refused()).containsExactly(Map.entry(0, Refusal.INPUT_CHANGED));
    assertThat(outcome.committed()).containsExactly(1);
    assertThat(table.values("out")).isEqualTo(expected(-1, 1));
  }

  /** An Update in place pushes our Update back, and the second look finds the input changed. */
  @Test
  void refusesWhereAnInputIsWrittenInPlaceAtTheSameTime() {
    CommitFixture table = sharedTable();
    ColumnFileAttachment stale = table.withInput(table.stage(0, 1, "out"), "text");
    ColumnFileAttachment theirs = table.stage(0, 9, "text");
    CommitOutcome outcome =
        commit(
            table,
            meanwhile(() -> table.committer("text").commit(List.of(theirs), Map.of(), OWNER)),
            stale);
    assertThat(outcome.refused()).containsExactly(Map.entry(0, Refusal.INPUT_CHANGED));
    assertThat(table.values("out")).isEqualTo(expected(-1, -1));
  }

  @Test
  void refusesWhereAnInputColumnIsGone() {
    CommitFixture table = plain();
    ColumnFileAttachment file = table.withInput(table.stage(0, 1, "out"), "text");
    LanceTables.dropColumns(table.ref, List.of("text"));
    assertThat(commit(table, OWNER, file).refused())
        .containsExactly(Map.entry(0, Refusal.INPUT_CHANGED));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void refusesWhereDeletedRowsCameAliveAgain(boolean whileItCommits) {
    CommitFixture table = plain();
    long before = table.latest().version();
    delete(table.ref, "id = 3");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    ColumnFileAttachment whole = table.stage(1, 1, "out");
    if (!whileItCommits) {
      restore(table, before);
    }
    CommitOutcome outcome =
        commit(
            table, whileItCommits ? meanwhile(() -> restore(table, before)) : OWNER, file, whole);
    assertThat(outcome.refused()).containsExactly(Map.entry(0, Refusal.ROWS_RESTORED));
    assertThat(outcome.committed()).containsExactly(1);
    assertThat(table.values("out")).isEqualTo(expected(-1, 1));
  }

  /** Rows that are alive were so all the time. */
  @Test
  void attachesWhereMoreRowsAreDeletedThanWere() {
    CommitFixture table = plain();
    delete(table.ref, "id = 3");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    delete(table.ref, "id = 5");
    assertThat(commit(table, OWNER, file).committed()).containsExactly(0);
  }

  private static void restore(CommitFixture table, long version) {
    try (Dataset dataset = DatasetOpener.at(table.ref, version)) {
      dataset.restore();
    }
  }

  @Test
  void refusesAFileOfAnotherNumberOfRows() {
    CommitFixture table = plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    ColumnFileAttachment other =
        new ColumnFileAttachment(
            0, 7, file.file(), file.replaces(), file.inputs(), DeletedRows.NONE);
    StagedColumnFile f = file.file();
    ColumnFileAttachment shortFile =
        new ColumnFileAttachment(
            1,
            8,
            new StagedColumnFile(
                f.path(),
                f.fieldIds(),
                f.columnIndices(),
                f.majorVersion(),
                f.minorVersion(),
                f.bytes(),
                7),
            null,
            List.of(),
            DeletedRows.NONE);
    assertThat(commit(table, OWNER, other, shortFile).refused())
        .isEqualTo(Map.of(0, Refusal.ROWS_CHANGED, 1, Refusal.ROWS_CHANGED));
  }

  @Test
  void sendsNothingWithoutOwnership() {
    CommitFixture table = plain();
    long version = table.latest().version();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    assertThatThrownBy(() -> commit(table, () -> false, file))
        .isInstanceOf(LostOwnershipException.class)
        .hasMessageContaining("was not sent: another driver owns the job");
    assertThat(table.latest().version()).isEqualTo(version);
  }

  /** Each try meets a delete in the same fragment, for ever. */
  @Test
  void givesUpAfterTwentyLostTries() {
    CommitFixture table = sharedTable();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    AtomicInteger tries = new AtomicInteger();
    ColumnFileAttachment[] theirs = {table.stage(0, 0, "text")};
    BooleanSupplier busy =
        () -> {
          tries.incrementAndGet();
          table.committer("text").commit(List.of(theirs[0]), Map.of(), OWNER);
          theirs[0] = table.stage(0, tries.get(), "text");
          return true;
        };
    assertThatThrownBy(() -> commit(table, busy, file))
        .isInstanceOfSatisfying(
            CommitFailedException.class,
            e -> {
              assertThat(e.retryable()).isTrue();
              assertThat(e.conflict()).isTrue();
            })
        .hasMessageContaining("came first 20 times")
        .hasMessageContaining("run the same call again");
    assertThat(tries).hasValue(20);
    assertThat(commit(table, OWNER, file).committed()).containsExactly(0);
    assertThat(table.values("out")).isEqualTo(expected(1, -1));
  }

  /** A file of another format is something that no retry makes right. */
  @Test
  void saysThatACommitFailedForGood() {
    CommitFixture table = plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    StagedColumnFile f = file.file();
    StagedColumnFile wrong =
        new StagedColumnFile(f.path(), f.fieldIds(), f.columnIndices(), 2, 0, f.bytes(), f.rows());
    ColumnFileAttachment bad =
        new ColumnFileAttachment(0, 8, wrong, null, List.of(), DeletedRows.NONE);
    assertThatThrownBy(() -> commit(table, OWNER, bad))
        .isInstanceOfSatisfying(
            CommitFailedException.class, e -> assertThat(e.conflict()).isFalse())
        .hasMessageContaining("names none of them")
        .hasMessageContaining("Cannot commit column files to " + table.ref.uri());
  }

  @Test
  void admitsThatAnOutcomeIsUnknown() {
    CommitFixture table = plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    BooleanSupplier thief =
        () -> {
          try {
            Files.move(Path.of(table.ref.uri(), "_versions"), folder.resolve("stolen"));
            // A file where the folder was: the commit cannot be written, nor the table read.
            Files.writeString(Path.of(table.ref.uri(), "_versions"), "");
          } catch (IOException e) {
            throw new AssertionError(e);
          }
          return true;
        };
    assertThatThrownBy(() -> commit(table, thief, file))
        .isInstanceOf(CommitStateUnknownException.class)
        .hasMessageContaining("It is not known whether the commit of 1 column files")
        .hasMessageContaining("Delete nothing");
  }

  @Test
  void saysWhenThereIsNoTable() {
    CommitFixture table = plain();
    ColumnFileAttachment file = table.stage(0, 1, "out");
    DatasetRef nowhere = DatasetRef.of(folder.resolve("none.lance").toString());
    ColumnFileCommitter committer =
        new ColumnFileCommitter(nowhere, List.of(table.column("out")), AttachPolicy.AUTO);
    assertThatThrownBy(() -> committer.commit(List.of(file), Map.of(), OWNER))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining(nowhere.uri());
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true"})
  void leavesIndexesOfOtherColumnsRightAndOfThisOneHonest(
      String storageVersion, boolean stableRowIds) {
    CommitFixture table =
        fixture(storageVersion, stableRowIds).append().declare("out").append().append();
    commit(
        table, OWNER, table.stage(0, 1, "out"), table.stage(1, 1, "out"), table.stage(2, 1, "out"));
    index(table, "text");
    index(table, "out");
    assertThat(table.values("out", "out = 10011").keySet()).containsExactly(1001L);

    table.append();
    LanceTables.updateFieldMetadata(table.ref, Map.of(table.column("out").id(), Map.of("k", "v")));
    commit(
        table, OWNER, table.stage(0, 2, "out"), table.stage(1, 2, "out"), table.stage(3, 2, "out"));

    assertThat(table.values("out")).isEqualTo(expected(2, 2, 1, 2));
    assertThat(table.values("out", "out = 10011")).isEmpty();
    assertThat(table.values("out", "out = 10012").keySet()).containsExactly(1001L);
    assertThat(table.values("out", "out = 20011").keySet()).containsExactly(2001L);
    assertThat(table.values("out", "text = 't1'").keySet())
        .containsExactly(1L, 1001L, 2001L, 3001L);
    try (Dataset dataset = open(table.ref)) {
      assertThat(dataset.listIndexes()).contains("text_idx");
    }
  }

  /** An index on a column that lies in shared files, whose values are then rewritten. */
  @Test
  void doesNotLetAnIndexLieWhenASharedColumnIsRewritten() {
    CommitFixture table = fixture("2.1", false).append().append();
    index(table, "text");
    assertThat(table.values("text", "text = 't1'")).hasSize(2);

    table.committer("text").commit(List.of(table.stage(0, 9, "text")), Map.of(), OWNER);

    assertThat(table.values("text", "text = 't1'").keySet()).containsExactly(1001L);
    assertThat(table.values("text", "text = 'f9'")).hasSize(8);
  }

  private static void index(CommitFixture table, String column) {
    try (Dataset dataset = open(table.ref)) {
      IndexParams params =
          IndexParams.builder().setScalarIndexParams(ScalarIndexParams.create("btree")).build();
      dataset.createIndex(
          IndexOptions.builder(List.of(column), IndexType.BTREE, params)
              .withIndexName(column + "_idx")
              .replace(true)
              .build());
    }
  }

  @Test
  void keepsEveryFileOfConcurrentCommitters() throws Exception {
    CommitFixture table =
        fixture("2.1", false).declare("a").append().append().append().declare("b");
    TableSnapshot read = table.latest();
    ExecutorService pool = Executors.newFixedThreadPool(6);
    try {
      List<Future<CommitOutcome>> running = new ArrayList<>();
      for (String column : List.of("a", "b")) {
        for (FragmentSnapshot fragment : read.fragments()) {
          ColumnFileAttachment file = table.stage(read, fragment.id(), 4, column);
          ColumnFileCommitter committer = table.committer(column);
          running.add(pool.submit(() -> committer.commit(List.of(file), Map.of(), OWNER)));
        }
      }
      for (Future<CommitOutcome> one : running) {
        CommitOutcome outcome = one.get();
        assertThat(outcome.committed()).hasSize(1);
        assertThat(outcome.refused()).isEmpty();
      }
    } finally {
      pool.shutdownNow();
    }
    assertThat(table.values("a")).isEqualTo(expected(4, 4, 4));
    assertThat(table.values("b")).isEqualTo(expected(4, 4, 4));
  }

  @Test
  void dropsAFileThatHoldsNothingElse() {
    CommitFixture table = fixture("2.1", false).append().declare("a", "b");
    table.committer("a", "b").commit(List.of(table.stage(0, 1, "a", "b")), Map.of(), OWNER);
    table.committer("a").commit(List.of(table.stage(0, 2, "a")), Map.of(), OWNER);
    Optional<DataFileInfo> pair =
        table.latest().fragment(0).orElseThrow().files().stream()
            .filter(file -> file.fieldIds().contains(DataFileInfo.TOMBSTONE))
            .findFirst();
    assertThat(pair).isPresent();
    table.committer("b").commit(List.of(table.stage(0, 3, "b")), Map.of(), OWNER);
    assertThat(table.latest().fragment(0).orElseThrow().files())
        .hasSize(3)
        .extracting(DataFileInfo::path)
        .doesNotContain(pair.get().path());
    assertThat(table.values("a")).isEqualTo(expected(2));
    assertThat(table.values("b")).isEqualTo(expected(3));
  }
}
