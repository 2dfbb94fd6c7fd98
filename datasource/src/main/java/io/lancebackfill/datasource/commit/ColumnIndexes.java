package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.Retry;
import io.lancebackfill.datasource.table.SnapshotReader;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.lance.Dataset;
import org.lance.index.Index;
import org.lance.operation.CreateIndex;

/**
 * Keeps indexes honest by their metadata alone. An index names the fragments that it answers for;
 * what it does not name is scanned. So an index stays, and stays right, if the fragments that were
 * written anew are taken out of it; index files are not touched.
 *
 * <p>Lance does that itself where an Update or a DataReplacement names the index's field. It does
 * not where the file names only the fields below, as for an index on a list, nor where an index is
 * committed after our files and was built before.
 */
public final class ColumnIndexes {
  private ColumnIndexes() {}

  /**
   * What was done about indexes that were wrong.
   *
   * @param pruned name to how many fragments were taken out
   * @param dropped names of those that had to go
   */
  public record Cured(Map<String, Integer> pruned, Set<String> dropped) {}

  /**
   * Cures indexes of the columns that other writers committed while the columns were filled: those
   * built from what fragments held before, also if an earlier job left them so, and those on ids
   * that the columns no longer have, on which readers fail.
   *
   * @param writtenAt the version that made each fragment's file visible
   * @throws DatasetException as classified
   */
  public static Cured cure(
      DatasetRef table, List<TableColumn> columns, Map<Integer, Long> writtenAt) {
    Set<Integer> present = new HashSet<>();
    Set<Integer> all = new HashSet<>();
    for (TableColumn column : columns) {
      present.addAll(column.allIds());
      all.addAll(column.allIds());
      column.previousIds().forEach(all::addAll);
    }
    return Retry.commit(
        "correct indexes of",
        table,
        () -> {
          try (Dataset newest = DatasetOpener.latest(table)) {
            Replacement replacement = new Replacement();
            for (Index index : newest.getIndexes()) {
              if (!touches(index, all)) {
                continue;
              }
              if (!touches(index, present)) {
                replacement.drop(index);
                continue;
              }
              Set<Integer> wrong = new HashSet<>(builtFromOthers(table, newest, index, columns));
              writtenAt.forEach(
                  (fragment, version) -> {
                    if (index.datasetVersion() < version) {
                      wrong.add(fragment);
                    }
                  });
              replacement.without(index, wrong);
            }
            replacement.commit(table, newest, Map.of());
            return new Cured(replacement.pruned, replacement.dropped);
          }
        });
  }

  /**
   * Fragments in which the index's columns lie elsewhere than when it was built, which means that
   * they were written anew; none if that version is gone.
   */
  private static Set<Integer> builtFromOthers(
      DatasetRef table, Dataset newest, Index index, List<TableColumn> columns) {
    List<TableColumn> indexed =
        columns.stream().filter(column -> touches(index, column.allIds())).toList();
    if (index.datasetVersion() >= newest.version() || index.fragments().isEmpty()) {
      return Set.of();
    }
    TableSnapshot built;
    try {
      built = LanceTables.at(table, index.datasetVersion());
    } catch (DatasetException e) {
      if (e.kind() == Kind.NOT_FOUND) {
        return Set.of();
      }
      throw e;
    }
    Map<Integer, FragmentSnapshot> now = SnapshotReader.read(table, newest).fragmentsById();
    Map<Integer, FragmentSnapshot> then = built.fragmentsById();
    Set<Integer> others = new HashSet<>();
    for (int fragment : index.fragments().get()) {
      FragmentSnapshot present = now.get(fragment);
      FragmentSnapshot before = then.get(fragment);
      if (present != null
          && before != null
          && !Objects.equals(
              AttachmentCheck.place(present, indexed), AttachmentCheck.place(before, indexed))) {
        others.add(fragment);
      }
    }
    return others;
  }

  /**
   * Takes fragments out of the indexes that a DataReplacement of such files would leave as they
   * are.
   *
   * @return names of indexes dropped; empty Optional if there was nothing to do
   */
  static Optional<Set<String>> prepare(
      DatasetRef table,
      Dataset newest,
      List<TableColumn> columns,
      List<ColumnFileAttachment> files,
      Map<String, String> properties) {
    Set<Integer> unnamed = new HashSet<>();
    columns.forEach(column -> unnamed.addAll(column.allIds()));
    files.forEach(attachment -> unnamed.removeAll(attachment.file().fieldIds()));
    if (unnamed.isEmpty()) {
      return Optional.empty();
    }
    Set<Integer> fragments = new HashSet<>();
    files.forEach(attachment -> fragments.add(attachment.fragmentId()));
    Replacement replacement = new Replacement();
    for (Index index : newest.getIndexes()) {
      if (touches(index, unnamed)) {
        replacement.without(index, fragments);
      }
    }
    return replacement.commit(table, newest, properties)
        ? Optional.of(replacement.dropped)
        : Optional.empty();
  }

  /** The fragments that each index of the columns answers for, by the index's name. */
  public static Map<String, Set<Integer>> coverage(DatasetRef table, List<TableColumn> columns) {
    Set<Integer> ids = new HashSet<>();
    columns.forEach(column -> ids.addAll(column.allIds()));
    return Retry.outage("read the indexes of", table, () -> coverageOnce(table, ids));
  }

  private static Map<String, Set<Integer>> coverageOnce(DatasetRef table, Set<Integer> ids) {
    Map<String, Set<Integer>> coverage = new TreeMap<>();
    try (Dataset newest = DatasetOpener.latest(table)) {
      for (Index index : on(newest, ids)) {
        coverage
            .computeIfAbsent(index.name(), name -> new TreeSet<>())
            .addAll(index.fragments().orElse(List.of()));
      }
      return coverage;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the indexes of", table, e);
    }
  }

  /** The indexes that touch one of the ids. */
  static List<Index> on(Dataset table, Collection<Integer> ids) {
    return table.getIndexes().stream().filter(index -> touches(index, ids)).toList();
  }

  /**
   * Puts indexes that went with their columns under the columns' new ids.
   *
   * @param rewritten fragments whose values are not those that the indexes were built from
   * @return names of those that could not be kept
   */
  static Set<String> keep(
      DatasetRef table,
      List<Index> indexes,
      List<TableColumn> columns,
      Set<Integer> rewritten,
      Map<String, String> properties) {
    if (indexes.isEmpty()) {
      return Set.of();
    }
    return Retry.commit(
        "keep indexes of",
        table,
        () -> {
          Set<String> names = new TreeSet<>();
          indexes.forEach(index -> names.add(index.name()));
          try (Dataset newest = DatasetOpener.latest(table)) {
            Replacement replacement = new Replacement();
            Set<String> taken = new HashSet<>(newest.listIndexes());
            for (Index index : indexes) {
              Optional<List<Integer>> fields = presentIds(index, columns);
              if (fields.isPresent() && index.fragments().isPresent()) {
                if (!taken.contains(index.name())) {
                  replacement.added.add(copy(index, fields.get(), rewritten));
                }
                names.remove(index.name());
              }
            }
            replacement.commit(table, newest, properties);
            return names;
          }
        });
  }

  private static Optional<List<Integer>> presentIds(Index index, List<TableColumn> columns) {
    List<Integer> ids = new ArrayList<>();
    for (int field : index.fields()) {
      columns.stream().flatMap(column -> column.presentId(field).stream()).forEach(ids::add);
    }
    return ids.size() == index.fields().size() ? Optional.of(ids) : Optional.empty();
  }

  private static boolean touches(Index index, Collection<Integer> ids) {
    return index.fields().stream().anyMatch(ids::contains);
  }

  private static Index copy(Index index, List<Integer> fields, Set<Integer> without) {
    Index.Builder copy =
        Index.builder()
            .uuid(index.uuid())
            .name(index.name())
            .fields(fields)
            .datasetVersion(index.datasetVersion())
            .indexVersion(index.indexVersion())
            .fragments(
                index.fragments().orElse(List.of()).stream()
                    .filter(fragment -> !without.contains(fragment))
                    .toList());
    index.indexDetails().ifPresent(copy::indexDetails);
    index.createdAt().ifPresent(copy::createdAt);
    index.baseId().ifPresent(copy::baseId);
    return copy.build();
  }

  /** Index entries that take the place of others, in one commit. */
  private static final class Replacement {
    private final List<Index> added = new ArrayList<>();
    private final List<Index> removed = new ArrayList<>();
    private final Map<String, Integer> pruned = new TreeMap<>();
    private final Set<String> dropped = new TreeSet<>();

    void drop(Index index) {
      removed.add(index);
      dropped.add(index.name());
    }

    void without(Index index, Set<Integer> fragments) {
      if (fragments.isEmpty()) {
        return;
      }
      if (index.fragments().isEmpty()) {
        // It does not say for which fragments it answers, so none can be taken out.
        drop(index);
        return;
      }
      int covered = (int) index.fragments().get().stream().filter(fragments::contains).count();
      if (covered > 0) {
        removed.add(index);
        added.add(copy(index, index.fields(), fragments));
        pruned.merge(index.name(), covered, Integer::sum);
      }
    }

    boolean commit(DatasetRef table, Dataset newest, Map<String, String> properties) {
      if (added.isEmpty() && removed.isEmpty()) {
        return false;
      }
      CreateIndex operation =
          CreateIndex.builder().withNewIndices(added).withRemovedIndices(removed).build();
      LanceCommit.send(table, newest, operation, properties);
      return true;
    }
  }
}
