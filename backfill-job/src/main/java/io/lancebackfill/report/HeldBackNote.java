package io.lancebackfill.report;

import io.lancebackfill.plan.HeldBack;
import io.lancebackfill.table.TableTarget;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Says which rows a job leaves because an input column must be filled first, and by which call. */
public final class HeldBackNote {
  private HeldBackNote() {}

  /** A sentence for each input that rows wait for; empty if none does. */
  public static String of(TableTarget table, List<HeldBack> heldBack) {
    return heldBack.stream().map(held -> of(table, held)).collect(Collectors.joining(" "));
  }

  private static String of(TableTarget table, HeldBack held) {
    return "%d rows wait for their input column %s, whose values there are missing or stale%s. Run %s, then this call again."
        .formatted(
            held.count(),
            held.input(),
            held.before().isEmpty() ? "" : ", as are those of " + String.join(", ", held.before()),
            Stream.concat(held.before().stream(), Stream.of(held.input()))
                .map(column -> backfill(table, column))
                .collect(Collectors.joining(", then ")));
  }

  private static String backfill(TableTarget table, String column) {
    return "CALL %s.system.backfill('%s', '%s')"
        .formatted(table.catalog(), quoted(table.name()), quoted(column));
  }

  private static String quoted(String text) {
    return text.replace("\\", "\\\\").replace("'", "\\'");
  }
}
