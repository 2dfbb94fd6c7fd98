package io.lancebackfill.table;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.StorageCodes;
import java.util.function.Supplier;

/** What the storage layer throws, in the words and codes that users see. */
public final class StorageErrors {
  private StorageErrors() {}

  /** Runs {@code body}; its storage errors come out with codes. */
  public static <T> T translate(TableTarget table, Supplier<T> body) {
    try {
      return body.get();
    } catch (DatasetException e) {
      throw translated(table, e);
    }
  }

  public static BackfillException translated(TableTarget table, DatasetException e) {
    BackfillErrorCode code = StorageCodes.of(e);
    String remedy =
        switch (code) {
          case STATE_DAMAGED ->
              (" This is state that lance-backfill keeps beside table %s; the table itself is not affected"
                      + " and stays usable. Restore that folder, or delete it: what it recorded is then"
                      + " forgotten, and values without a record count as of unknown origin.")
                  .formatted(table.name());
          case JOB_INTERRUPTED -> " What was finished is kept; the same call goes on from there.";
          default -> "";
        };
    return new BackfillException(code, e.getMessage() + remedy, e);
  }
}
