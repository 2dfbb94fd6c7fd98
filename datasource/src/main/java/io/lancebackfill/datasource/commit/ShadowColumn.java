package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.commit.AttachmentCheck.State;
import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.ProjectFields;
import io.lancebackfill.datasource.table.SnapshotReader;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.fragment.DataFile;
import org.lance.index.Index;
import org.lance.operation.DataReplacement;
import org.lance.operation.DataReplacement.DataReplacementGroup;
import org.lance.operation.Operation;

/**
 * Attaches column files where the column lies in files with others, and keeps row versions: a
 * second column, the shadow, takes the new files and, in every other fragment, the very places of
 * the old one; then one commit drops the old column and gives the shadow its name, position and
 * metadata. No data is copied, and readers see the old values until they see the new ones.
 *
 * <p>A Lance DataReplacement exchanges nothing but a file's path. So the file of a column that has
 * the third place in a file cannot be exchanged for one where it has the first: such a fragment
 * needs another shadow when it is written, which is why this is done once per commit.
 *
 * <p>Stopped between its commits it leaves a shadow column behind, which the next one drops. Rows
 * that another writer writes with all columns of a version in between, and commits after the last,
 * may read NULL until they are computed again.
 */
final class ShadowColumn {
  static final String NAME_PREFIX = "_lance_backfill_shadow_of_";

  /** Metadata key of a shadow column: the id of the column that it is to replace. */
  private static final String SHADOW_OF = "lance-backfill.shadow-of";

  private static final int LOOKS = 20;

  private final DatasetRef table;
  private final List<TableColumn> columns;
  private final List<ColumnFileAttachment> files;
  private final Map<String, String> properties;

  /**
   * @param columns the group, as the newest version has it
   * @param files with the columns' present ids; for fragments where they cannot be exchanged
   */
  ShadowColumn(
      DatasetRef table,
      List<TableColumn> columns,
      List<ColumnFileAttachment> files,
      Map<String, String> properties) {
    this.table = table;
    this.columns = columns;
    this.files = files;
    this.properties = properties;
  }

  /** The version that made the files visible, and the indexes that went. */
  record Taken(long version, Set<String> indexesDropped) {}

  /**
   * Does all of it. A DatasetException of kind COMMIT_CONFLICT says that others changed what the
   * files were made for, or came first: look again, and begin anew.
   */
  Taken attach(BooleanSupplier stillOwner) {
    dropLeftOver(table, columns);
    List<TableColumn> shadows = declare();
    fill(shadows);
    for (int look = 1; look <= LOOKS; look++) {
      if (coverOthers(shadows)) {
        return takePlace(shadows, stillOwner);
      }
    }
    throw changed("fragments were appended faster than they could be covered");
  }

  /** Drops the shadows of the columns that an earlier attempt left behind. */
  static boolean dropLeftOver(DatasetRef table, List<TableColumn> columns) {
    List<String> left = leftOver(LanceTables.latest(table), columns);
    if (!left.isEmpty()) {
      LanceTables.dropColumns(table, left);
    }
    return !left.isEmpty();
  }

  static List<String> leftOver(TableSnapshot table, List<TableColumn> columns) {
    Set<String> ids = new TreeSet<>();
    for (TableColumn column : columns) {
      ids.add(Integer.toString(column.id()));
      column.previousIds().forEach(previous -> ids.add(previous.get(0).toString()));
    }
    return table.columns().stream()
        .filter(c -> ids.contains(c.metadata().getOrDefault(SHADOW_OF, "")))
        .map(TableColumn::name)
        .toList();
  }

  /**
   * Gives fragments that still hold a column under earlier ids alone its present ids: those whose
   * writer had read the table before the column's ids changed and committed after. Until then they
   * read NULL.
   *
   * @return how many
   */
  static int adoptEarlierIds(
      DatasetRef table, List<TableColumn> columns, Map<String, String> properties) {
    try (Dataset newest = DatasetOpener.latest(table)) {
      TableSnapshot snapshot = SnapshotReader.read(table, newest);
      List<TableColumn> present =
          new AttachmentCheck(snapshot, columns).withPresentColumns().columns();
      List<DataReplacementGroup> groups = new ArrayList<>();
      Set<Integer> fragments = new TreeSet<>();
      for (FragmentSnapshot fragment : snapshot.fragments()) {
        for (TableColumn column : present) {
          if (fragment.place(column).isPresent()) {
            continue;
          }
          for (List<Integer> ids : column.previousIds()) {
            for (DataFileInfo file : under(fragment, ids, column.allIds())) {
              groups.add(new DataReplacementGroup(fragment.id(), dataFile(file)));
              fragments.add(fragment.id());
            }
          }
        }
      }
      if (!groups.isEmpty()) {
        LanceCommit.send(
            table, newest, DataReplacement.builder().replacements(groups).build(), properties);
      }
      return fragments.size();
    }
  }

  /** First commit: the shadows, which read NULL. */
  List<TableColumn> declare() {
    List<Field> fields = new ArrayList<>();
    for (TableColumn column : columns) {
      // Not the declaration as a computed column: nobody else shall take this for one.
      Map<String, String> metadata =
          column.metadata().entrySet().stream()
              .filter(e -> !e.getKey().startsWith("computed_column"))
              .filter(e -> !e.getKey().startsWith("lance-backfill."))
              .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
      metadata.put(SHADOW_OF, Integer.toString(column.id()));
      fields.add(ShadowSchema.field(column.field(), NAME_PREFIX + column.name(), metadata));
    }
    TableSnapshot declared = LanceTables.addColumns(table, fields);
    return columns.stream()
        .map(column -> declared.column(NAME_PREFIX + column.name()).orElseThrow(() -> gone()))
        .toList();
  }

  /** Second commit: the new files, and in all other fragments the old places. */
  void fill(List<TableColumn> shadows) {
    try (Dataset newest = DatasetOpener.latest(table)) {
      TableSnapshot snapshot = SnapshotReader.read(table, newest);
      requireFits(snapshot);
      List<DataReplacementGroup> groups = new ArrayList<>();
      for (FragmentSnapshot fragment : snapshot.fragments()) {
        for (DataFileInfo file : wanted(fragment, shadows)) {
          groups.add(new DataReplacementGroup(fragment.id(), dataFile(file)));
        }
      }
      LanceCommit.send(
          table, newest, DataReplacement.builder().replacements(groups).build(), properties);
    }
  }

  /**
   * Covers the fragments that came since; true if there were none.
   *
   * @throws DatasetException COMMIT_CONFLICT if a fragment was changed instead
   */
  private boolean coverOthers(List<TableColumn> shadows) {
    try (Dataset newest = DatasetOpener.latest(table)) {
      TableSnapshot snapshot = SnapshotReader.read(table, newest);
      List<DataReplacementGroup> groups = new ArrayList<>();
      for (FragmentSnapshot fragment : snapshot.fragments()) {
        List<DataFileInfo> wanted = wanted(fragment, shadows);
        List<DataFileInfo> there = there(fragment, shadows);
        if (there.isEmpty()) {
          wanted.forEach(
              file -> groups.add(new DataReplacementGroup(fragment.id(), dataFile(file))));
        }
      }
      if (!groups.isEmpty()) {
        LanceCommit.send(
            table, newest, DataReplacement.builder().replacements(groups).build(), properties);
      }
      return groups.isEmpty();
    }
  }

  /** Third commit: the shadows take the columns' place. Then what others did meanwhile. */
  Taken takePlace(List<TableColumn> shadows, BooleanSupplier stillOwner) {
    long version;
    TableSnapshot read;
    try (Dataset newest = DatasetOpener.latest(table)) {
      read = SnapshotReader.read(table, newest);
      requireFits(read);
      requireCovered(read, shadows);
      Operation project =
          new ProjectFields(ShadowSchema.withoutOld(newest, read, columns, shadows));
      if (!stillOwner.getAsBoolean()) {
        throw new LostOwnershipException(
            "Column "
                + columns.get(0).name()
                + " of "
                + table.display()
                + " was not changed: another driver owns the job now. Nothing is lost; that driver"
                + " goes on with what is finished.");
      }
      version = LanceCommit.send(table, newest, project, properties);
    }
    List<TableColumn> taken =
        new AttachmentCheck(LanceTables.at(table, version), columns).withPresentColumns().columns();
    List<Index> indexes;
    try (Dataset before = DatasetOpener.at(table, version - 1)) {
      indexes = ColumnIndexes.on(before, allIds(columns));
      if (version - 1 > read.version()) {
        keepDeclarations(read, SnapshotReader.read(table, before), taken);
        adoptEarlierIds(table, taken, properties);
      }
    }
    Set<Integer> rewritten =
        files.stream().map(ColumnFileAttachment::fragmentId).collect(Collectors.toSet());
    return new Taken(version, ColumnIndexes.keep(table, indexes, taken, rewritten, properties));
  }

  /** Lance lets a change of the old column's metadata pass and go with the column. */
  private void keepDeclarations(TableSnapshot read, TableSnapshot before, List<TableColumn> taken) {
    Map<Integer, Map<String, String>> updates = new HashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      Map<String, String> then = metadata(before, columns.get(i));
      if (!then.equals(metadata(read, columns.get(i)))) {
        updates.put(taken.get(i).id(), then);
      }
    }
    if (!updates.isEmpty()) {
      LanceTables.updateFieldMetadata(table, updates);
    }
  }

  private static Map<String, String> metadata(TableSnapshot snapshot, TableColumn column) {
    return snapshot.columns().stream()
        .filter(candidate -> candidate.id() == column.id())
        .findFirst()
        .map(TableColumn::metadata)
        .orElse(Map.of());
  }

  /** What the shadows are to hold in a fragment. */
  private List<DataFileInfo> wanted(FragmentSnapshot fragment, List<TableColumn> shadows) {
    List<Integer> from = allIds(columns);
    List<Integer> to = allIds(shadows);
    for (ColumnFileAttachment attachment : files) {
      if (attachment.fragmentId() == fragment.id()) {
        var file = attachment.file();
        return List.of(
            new DataFileInfo(
                file.path(),
                file.fieldIds().stream().map(id -> to.get(from.indexOf(id))).toList(),
                file.columnIndices(),
                file.majorVersion(),
                file.minorVersion(),
                file.bytes(),
                null));
      }
    }
    return under(fragment, from, to);
  }

  /** The parts of a fragment's files that hold fields {@code from}, under the ids {@code to}. */
  private static List<DataFileInfo> under(
      FragmentSnapshot fragment, List<Integer> from, List<Integer> to) {
    List<DataFileInfo> parts = new ArrayList<>();
    for (DataFileInfo file : fragment.files()) {
      List<Integer> ids = new ArrayList<>();
      List<Integer> indices = new ArrayList<>();
      for (int i = 0; i < file.fieldIds().size(); i++) {
        int position = from.indexOf(file.fieldIds().get(i));
        if (position >= 0) {
          ids.add(to.get(position));
          indices.add(file.columnIndices().get(i));
        }
      }
      if (!ids.isEmpty()) {
        parts.add(
            new DataFileInfo(
                file.path(),
                ids,
                indices,
                file.majorVersion(),
                file.minorVersion(),
                file.bytes(),
                file.baseId()));
      }
    }
    return parts;
  }

  private static List<DataFileInfo> there(FragmentSnapshot fragment, List<TableColumn> shadows) {
    List<Integer> ids = allIds(shadows);
    return under(fragment, ids, ids);
  }

  private void requireFits(TableSnapshot snapshot) {
    AttachmentCheck check = new AttachmentCheck(snapshot, columns).withPresentColumns();
    boolean sameIds = allIds(check.columns()).equals(allIds(columns));
    if (!sameIds || files.stream().anyMatch(file -> check.check(file).state() != State.REWRITE)) {
      throw changed("a fragment or an input was changed");
    }
  }

  /**
   * Refuses fragments that hold anything else for the shadows than was put there: those of writers
   * that took the shadows for columns of the table, and compacted ones.
   */
  private void requireCovered(TableSnapshot snapshot, List<TableColumn> shadows) {
    for (FragmentSnapshot fragment : snapshot.fragments()) {
      if (!there(fragment, shadows).equals(wanted(fragment, shadows))) {
        throw changed("fragment " + fragment.id() + " was changed");
      }
    }
  }

  private static List<Integer> allIds(List<TableColumn> columns) {
    return columns.stream().flatMap(column -> column.allIds().stream()).toList();
  }

  private static DataFile dataFile(DataFileInfo file) {
    @Nullable Long bytes = file.bytes() < 0 ? null : file.bytes();
    return new DataFile(
        file.path(),
        file.fieldIds().stream().mapToInt(Integer::intValue).toArray(),
        file.columnIndices().stream().mapToInt(Integer::intValue).toArray(),
        file.majorVersion(),
        file.minorVersion(),
        bytes,
        file.baseId());
  }

  private DatasetException gone() {
    return changed("its shadow was dropped");
  }

  private DatasetException changed(String what) {
    return new DatasetException(
        Kind.COMMIT_CONFLICT,
        "While column "
            + columns.stream().map(TableColumn::name).collect(Collectors.joining(", "))
            + " of "
            + table.display()
            + " was given new ids, "
            + what
            + ". Nothing was lost; the same commit is tried again.");
  }
}
