package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.AliveRows;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** Compares attachments with one version of the table. */
record AttachmentCheck(TableSnapshot table, List<TableColumn> columns) {

  /** Whether, and by which kind of transaction, a file may be attached to this version. */
  enum State {
    /** The version names the file already. */
    ATTACHED,
    /** The column has a file of its own, or none: DataReplacement. */
    REPLACE,
    /** The column lies in a file with others: Update that rewrites columns. */
    REWRITE,
    REFUSED
  }

  record Result(State state, @Nullable Refusal refusal) {
    private static Result refused(Refusal refusal) {
      return new Result(State.REFUSED, refusal);
    }
  }

  /**
   * The same check with the columns as this version has them: under other ids if their values were
   * put there.
   *
   * @throws ColumnGoneException if a column is not in this version
   */
  AttachmentCheck withPresentColumns() {
    List<TableColumn> present = new ArrayList<>();
    for (TableColumn column : columns) {
      present.add(
          table.columns().stream()
              .filter(candidate -> isSame(candidate, column))
              .findFirst()
              .orElseThrow(
                  () ->
                      new ColumnGoneException(
                          "Column "
                              + column.name()
                              + " (field ids "
                              + column.allIds()
                              + ") of "
                              + table.ref().display()
                              + " is gone in version "
                              + table.version()
                              + ": it was dropped or replaced while it was computed. Nothing was"
                              + " committed. Declare the column again if it is still wanted.")));
    }
    return new AttachmentCheck(table, List.copyOf(present));
  }

  /**
   * The id alone does not do: Lance gives the id of a dropped column that was in no file yet to the
   * next one. A renamed column is known by its metadata.
   */
  private static boolean isSame(TableColumn candidate, TableColumn column) {
    if (candidate.previousIds().contains(column.allIds())) {
      return true;
    }
    boolean sameName = candidate.name().equals(column.name());
    boolean renamed =
        !column.metadata().isEmpty() && candidate.metadata().equals(column.metadata());
    return candidate.id() == column.id()
        && candidate.allIds().equals(column.allIds())
        && candidate.field().getType().equals(column.field().getType())
        && candidate.field().getChildren().equals(column.field().getChildren())
        && (sameName || renamed);
  }

  /** The attachment with the ids that the columns have in this version. */
  ColumnFileAttachment withPresentIds(ColumnFileAttachment attachment) {
    StagedColumnFile file = attachment.file();
    return attachment.withFile(file.withFieldIds(presentIds(file.fieldIds())));
  }

  private List<Integer> presentIds(List<Integer> fieldIds) {
    return fieldIds.stream()
        .map(
            id ->
                columns.stream()
                    .flatMap(column -> column.presentId(id).stream())
                    .findFirst()
                    .orElse(id))
        .toList();
  }

  Result check(ColumnFileAttachment attachment) {
    Optional<FragmentSnapshot> found = table.fragment(attachment.fragmentId());
    if (found.isEmpty()) {
      return Result.refused(Refusal.FRAGMENT_GONE);
    }
    FragmentSnapshot fragment = found.get();
    if (names(fragment, attachment.file())) {
      return new Result(State.ATTACHED, null);
    }
    if (fragment.physicalRows() != attachment.physicalRows()
        || attachment.file().rows() != attachment.physicalRows()) {
      return Result.refused(Refusal.ROWS_CHANGED);
    }
    if (!attachment.inputs().stream().allMatch(input -> unchanged(fragment, input))) {
      return Result.refused(Refusal.INPUT_CHANGED);
    }
    if (!Objects.equals(place(fragment, columns), attachment.replaces())) {
      return Result.refused(Refusal.COLUMN_CHANGED);
    }
    if (restored(fragment, attachment.deleted())) {
      return Result.refused(Refusal.ROWS_RESTORED);
    }
    boolean replaceable = replaceable(fragment, attachment.file());
    return new Result(replaceable ? State.REPLACE : State.REWRITE, null);
  }

  /**
   * Other rows that were deleted since do no harm, so the names of deletion files do not decide.
   */
  private boolean restored(FragmentSnapshot fragment, DeletedRows deleted) {
    return !deleted.surelyDeletedIn(fragment)
        && (fragment.deletionFile().isEmpty()
            || RoaringBitmap.intersects(
                deleted.rows(), AliveRows.of(table.ref(), table.version(), fragment.id())));
  }

  static boolean names(FragmentSnapshot fragment, StagedColumnFile file) {
    return fragment.files().stream()
        .anyMatch(
            named ->
                named.path().equals(file.path()) && named.fieldIds().containsAll(file.fieldIds()));
  }

  private boolean unchanged(FragmentSnapshot fragment, InputPlace input) {
    return table.columns().stream()
        .filter(column -> column.hasOrHadId(input.fieldId()))
        .findFirst()
        .map(column -> Objects.equals(fragment.place(column).orElse(null), input.place()))
        .orElse(false);
  }

  /**
   * Lance exchanges a file only for one of the same fields and format, or adds one for none. It
   * exchanges the path alone: with other indices, readers would look for columns that are not
   * there, and in place of a file that a branch or a shallow clone has from its source they would
   * look for the new one in the source's folder.
   */
  private boolean replaceable(FragmentSnapshot fragment, StagedColumnFile file) {
    Set<Integer> ids = new HashSet<>();
    columns.forEach(column -> ids.addAll(column.allIds()));
    List<DataFileInfo> holding =
        fragment.files().stream()
            .filter(f -> f.fieldIds().stream().anyMatch(ids::contains))
            .toList();
    return holding.isEmpty()
        || (holding.size() == 1
            && holding.get(0).baseId() == null
            && holding.get(0).fieldIds().equals(file.fieldIds())
            && holding.get(0).columnIndices().equals(file.columnIndices())
            && holding.get(0).majorVersion() == file.majorVersion()
            && holding.get(0).minorVersion() == file.minorVersion());
  }

  /** See {@link ColumnFileCommitter#place}. */
  static @Nullable ColumnPlace place(FragmentSnapshot fragment, List<TableColumn> columns) {
    if (columns.size() == 1) {
      return fragment.place(columns.get(0)).orElse(null);
    }
    StringBuilder paths = new StringBuilder();
    List<Integer> indices = new ArrayList<>();
    boolean any = false;
    for (TableColumn column : columns) {
      Optional<ColumnPlace> place = fragment.place(column);
      any |= place.isPresent();
      paths.append(paths.isEmpty() ? "" : "|").append(place.map(ColumnPlace::path).orElse("-"));
      place.ifPresent(p -> indices.addAll(p.columnIndices()));
    }
    return any ? new ColumnPlace(paths.toString(), indices) : null;
  }
}
