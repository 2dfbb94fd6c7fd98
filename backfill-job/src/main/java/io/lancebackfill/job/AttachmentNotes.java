package io.lancebackfill.job;

import io.lancebackfill.datasource.commit.AttachMethod;
import io.lancebackfill.datasource.commit.ColumnIndexes;
import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.table.TableTarget;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How a job's column files were attached, and what that has cost. */
final class AttachmentNotes {
  private final ComputedColumn declared;
  private final TableTarget table;
  private final Set<String> indexesBefore = new HashSet<>();
  private final Set<AttachMethod> methods = EnumSet.noneOf(AttachMethod.class);
  private final Map<Integer, Long> writtenAt = new HashMap<>();
  private final Set<Integer> reset = new TreeSet<>();
  private final Set<String> indexesDropped = new TreeSet<>();

  /**
   * @param declared the column as it was when the job began
   */
  AttachmentNotes(TableTarget table, ComputedColumn declared) {
    this.table = table;
    this.declared = declared;
  }

  /** Looks which indexes there are before anything is attached. */
  void begin() {
    indexesBefore.addAll(ColumnIndexes.coverage(table.ref(), declared.columns()).keySet());
  }

  void add(CommitOutcome outcome) {
    outcome
        .attached()
        .forEach(
            (fragment, attached) -> {
              methods.add(attached.method());
              writtenAt.put(fragment, attached.version());
              if (attached.resetRowVersions()) {
                reset.add(fragment);
              }
            });
    indexesDropped.addAll(outcome.indexesDropped());
  }

  /** The methods as the option names them, with commas; null if nothing was attached. */
  @Nullable String attachedBy() {
    return methods.isEmpty()
        ? null
        : methods.stream()
            .map(method -> method.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(","));
  }

  /** What was done to row versions. */
  List<String> rowVersions() {
    return reset.isEmpty()
        ? List.of()
        : List.of(
            "Row versions of %d fragments were reset to 1; attach 'shadow_column' keeps them."
                .formatted(reset.size()));
  }

  /**
   * Which ids have changed.
   *
   * @param newest the table after the last commit
   */
  List<String> fieldIds(TableSnapshot newest) {
    List<String> notes = new ArrayList<>();
    ComputedColumn now = declared.presentIn(newest);
    for (int i = 0; i < now.columns().size(); i++) {
      int before = declared.columns().get(i).id();
      int after = now.columns().get(i).id();
      if (before != after) {
        notes.add(
            "The field id of %s changed from %d to %d."
                .formatted(now.columns().get(i).name(), before, after));
      }
    }
    return notes;
  }

  /**
   * Cures indexes that others committed meanwhile, and says what became of all.
   *
   * @param newest the table after the last commit
   */
  List<String> indexes(TableSnapshot newest) {
    List<String> notes = new ArrayList<>();
    if (!writtenAt.isEmpty() || !indexesBefore.isEmpty()) {
      indexNotes(newest, declared.presentIn(newest), notes);
    }
    return notes;
  }

  private void indexNotes(TableSnapshot newest, ComputedColumn now, List<String> notes) {
    ColumnIndexes.Cured cured = ColumnIndexes.cure(newest.ref(), now.columns(), writtenAt);
    Map<String, Set<Integer>> coverage = ColumnIndexes.coverage(newest.ref(), now.columns());
    Set<String> gone = new TreeSet<>(indexesBefore);
    gone.addAll(indexesDropped);
    gone.addAll(cured.dropped());
    gone.removeAll(coverage.keySet());
    coverage.forEach(
        (index, fragments) -> {
          long scanned = writtenAt.keySet().stream().filter(f -> !fragments.contains(f)).count();
          if (scanned > 0) {
            notes.add(
                "Index %s does not cover %d fragments that were written; queries scan those until it is optimized."
                    .formatted(index, scanned));
          }
        });
    for (String index : gone) {
      notes.add(
          "Index %s is gone: nothing that it covered is left, or it could not be kept right; build it again."
              .formatted(index));
    }
  }
}
