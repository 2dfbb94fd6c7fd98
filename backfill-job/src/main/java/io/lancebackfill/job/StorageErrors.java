package io.lancebackfill.job;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.function.Supplier;

/** What the storage layer throws, in the words and codes that users see. */
final class StorageErrors {
  private StorageErrors() {}

  /** Runs {@code body}; its storage errors come out with codes. */
  static <T> T translate(TableTarget table, Supplier<T> body) {
    try {
      return body.get();
    } catch (DatasetException e) {
      throw translated(table, e);
    }
  }

  static BackfillException translated(TableTarget table, DatasetException e) {
    String message = String.valueOf(e.getMessage());
    boolean state = message.contains("/_backfill");
    BackfillErrorCode code =
        switch (e.kind()) {
          case NOT_FOUND ->
              state ? BackfillErrorCode.STATE_DAMAGED : BackfillErrorCode.NOT_A_LANCE_TABLE;
          case CORRUPT ->
              state ? BackfillErrorCode.STATE_DAMAGED : BackfillErrorCode.STORAGE_FAILED;
          case PERMISSION_DENIED -> BackfillErrorCode.READ_ONLY_TABLE;
          case INVALID_INPUT ->
              state && message.contains("format")
                  ? BackfillErrorCode.STATE_FORMAT_TOO_NEW
                  : BackfillErrorCode.INVALID_ARGUMENT;
          case COMMIT_CONFLICT, COMMIT_CONTENTION -> BackfillErrorCode.COMMIT_FAILED;
          case OTHER -> state ? BackfillErrorCode.STATE_DAMAGED : BackfillErrorCode.STORAGE_FAILED;
        };
    String remedy =
        code == BackfillErrorCode.STATE_DAMAGED
            ? (" This is state that lance-backfill keeps beside table %s; the table itself is not affected"
                    + " and stays usable. Restore that folder, or delete it: what it recorded is then"
                    + " forgotten, and values without a record count as of unknown origin.")
                .formatted(table.name())
            : "";
    return new BackfillException(code, message + remedy, e);
  }
}
