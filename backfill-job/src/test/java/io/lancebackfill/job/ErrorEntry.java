package io.lancebackfill.job;

import io.lancebackfill.error.BackfillErrorCode;

/**
 * What docs/errors.md says of one code.
 *
 * @param example the statement that meets it, or what happened if no statement alone does
 * @param message what the user sees
 * @param source where the message comes from if not from the example; empty otherwise
 */
record ErrorEntry(
    BackfillErrorCode code,
    String meaning,
    String remedy,
    String example,
    String message,
    String source) {

  String row() {
    return "| [`%s`](#%s) | %s | %s |%n"
        .formatted(code, code.name().toLowerCase(java.util.Locale.ROOT), meaning, remedy);
  }

  String section() {
    return "%n### %s%n%n%s %s%n%n```sql%n%s%n```%n%n```%n%s%n```%n%s"
        .formatted(
            code,
            meaning,
            remedy,
            example,
            message,
            source.isEmpty() ? "" : "%n%s%n".formatted(source));
  }
}
