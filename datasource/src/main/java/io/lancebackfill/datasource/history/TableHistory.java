package io.lancebackfill.datasource.history;

import io.lancebackfill.datasource.history.TableChange.ColumnsRewritten;
import io.lancebackfill.datasource.history.TableChange.FragmentsRewritten;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.history.TableChange.Group;
import io.lancebackfill.datasource.history.TableChange.Restored;
import io.lancebackfill.datasource.history.TableChange.RowsWritten;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.SnapshotReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.lance.Dataset;
import org.lance.FragmentMetadata;
import org.lance.Version;
import org.lance.operation.Operation;
import org.lance.operation.Restore;
import org.lance.operation.Rewrite;
import org.lance.operation.Update;

/** Reads the transactions that made a table's versions. */
public final class TableHistory {
  private TableHistory() {}

  /**
   * What happened in the versions ({@code after}, {@code through}], oldest first. Costs a read of
   * each of these versions' manifest.
   *
   * @throws DatasetException if the table cannot be read; versions that are gone are a {@link Gap}
   */
  public static List<TableChange> between(DatasetRef ref, long after, long through) {
    if (through <= after) {
      return List.of();
    }
    List<TableChange> changes = new ArrayList<>();
    try (Dataset table = DatasetOpener.latest(ref)) {
      Set<Long> there = existing(table, after, through);
      long missingFrom = 0;
      for (long version = after + 1; version <= through; version++) {
        Optional<List<TableChange>> made =
            there.contains(version) ? madeBy(ref, table, version) : Optional.empty();
        if (made.isEmpty()) {
          missingFrom = missingFrom == 0 ? version : missingFrom;
          continue;
        }
        if (missingFrom > 0) {
          changes.add(new Gap(missingFrom, version - 1));
          missingFrom = 0;
        }
        changes.addAll(made.get());
      }
      if (missingFrom > 0) {
        changes.add(new Gap(missingFrom, through));
      }
    }
    return changes;
  }

  /** Which of the versions are still there; listing them is dear, so only for more than a few. */
  private static Set<Long> existing(Dataset table, long after, long through) {
    return through - after <= 8
        ? LongStream.rangeClosed(after + 1, through).boxed().collect(Collectors.toSet())
        : table.listVersions().stream().map(Version::getId).collect(Collectors.toSet());
  }

  /** What made a version; empty if the version or its transaction is gone. */
  private static Optional<List<TableChange>> madeBy(DatasetRef ref, Dataset table, long version) {
    try (Dataset at = table.checkoutVersion(version)) {
      return at.readTransaction().map(made -> changes(version, made.operation()));
    } catch (Exception e) {
      if (LanceErrorClassifier.dictionaryInSchema(e)) {
        // Only what gives the table another schema carries one, and that moves no rows.
        return Optional.of(List.of());
      }
      DatasetException classified =
          LanceErrorClassifier.classify(
              "read the transaction of version " + version + " of", ref, e);
      if (classified.kind() == DatasetException.Kind.NOT_FOUND) {
        return Optional.empty();
      }
      throw classified;
    }
  }

  private static List<TableChange> changes(long version, Operation operation) {
    List<TableChange> changes = new ArrayList<>();
    if (operation instanceof Rewrite rewrite) {
      List<Group> groups =
          rewrite.groups().stream()
              .map(g -> new Group(snapshots(g.oldFragments()), snapshots(g.newFragments())))
              .toList();
      changes.add(new FragmentsRewritten(version, groups));
    } else if (operation instanceof Restore) {
      changes.add(new Restored(version));
    } else if (operation instanceof Update update) {
      if (!update.newFragments().isEmpty()) {
        changes.add(new RowsWritten(version, snapshots(update.newFragments())));
      }
      if (update.fieldsModified().length > 0) {
        changes.add(new ColumnsRewritten(version, snapshots(update.updatedFragments())));
      }
    }
    return changes;
  }

  private static List<FragmentSnapshot> snapshots(List<FragmentMetadata> fragments) {
    return fragments.stream().map(SnapshotReader::fragment).toList();
  }
}
