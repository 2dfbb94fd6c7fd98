package io.lancebackfill.job;

import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a table with one computed column should hold, row by row. */
final class TableModel {
  enum State {
    FRESH,
    STALE,
    NEVER_COMPUTED,
    UNKNOWN
  }

  /** A row; {@code value} is what the computed column reads. */
  record Row(String text, @Nullable Integer value, State state) {}

  final TreeMap<Long, Row> rows = new TreeMap<>();

  /** Names of the computed column and of its input. */
  String column = "n";

  String input = "text";

  /** Whether the input is of a type with 64-bit offsets. */
  boolean largeInput;

  /** Which function the column has; alter_column makes another. */
  int function;

  /** Whether a job has recorded anything: before that nobody follows the column's history. */
  boolean recorded;

  static int compute(long id, String text, int function) {
    return text.hashCode() % 100_000 + (int) id + function * 1_000_000;
  }

  TableModel copy() {
    TableModel copy = new TableModel();
    copy.rows.putAll(rows);
    copy.column = column;
    copy.input = input;
    copy.largeInput = largeInput;
    copy.function = function;
    copy.recorded = recorded;
    return copy;
  }

  /** The table as it was; what jobs have recorded since then stays. */
  TableModel restored(boolean recordedSince) {
    TableModel restored = copy();
    restored.recorded = recordedSince;
    return restored;
  }

  /** What the column's present function gives on a row. */
  int right(long id) {
    return compute(id, rows.get(id).text(), function);
  }

  /** Rows that a job with this condition would compute. */
  List<Long> needed(LongPredicate where, boolean unknown) {
    return rows.entrySet().stream()
        .filter(e -> where.test(e.getKey()))
        .filter(
            e ->
                switch (e.getValue().state()) {
                  case STALE, NEVER_COMPUTED -> true;
                  case UNKNOWN -> unknown;
                  case FRESH -> false;
                })
        .map(e -> e.getKey())
        .toList();
  }

  /** Whether some rows are stale whose value is the one that a job would give them. */
  boolean staleWithoutDifference() {
    return rows.entrySet().stream()
        .anyMatch(
            e ->
                e.getValue().state() == State.STALE
                    && Integer.valueOf(right(e.getKey())).equals(e.getValue().value()));
  }

  void append(long id, String text, @Nullable Integer value) {
    rows.put(id, new Row(text, value, value == null ? State.NEVER_COMPUTED : State.UNKNOWN));
  }

  /** A writer wrote the row anew. */
  void write(long id, String text, @Nullable Integer value) {
    State unrecorded = value == null ? State.NEVER_COMPUTED : State.UNKNOWN;
    rows.put(id, new Row(text, value, recorded ? State.STALE : unrecorded));
  }

  void computed(Collection<Long> ids) {
    for (long id : ids) {
      rows.put(id, new Row(rows.get(id).text(), right(id), State.FRESH));
    }
    recorded |= !ids.isEmpty();
  }

  void altered() {
    function++;
    stale();
  }

  /** What fresh values were made from is there no more. */
  void stale() {
    rows.replaceAll(
        (id, row) ->
            row.state() == State.FRESH ? new Row(row.text(), row.value(), State.STALE) : row);
  }

  /** As coverage sums up: fresh, stale, failed, never computed, unknown. */
  List<Long> coverage() {
    return Stream.of(State.FRESH, State.STALE, null, State.NEVER_COMPUTED, State.UNKNOWN)
        .map(state -> rows.values().stream().filter(row -> row.state() == state).count())
        .toList();
  }
}
