package io.lancebackfill.error;

import io.lancebackfill.datasource.table.DatasetException;

/** The codes of what the storage layer throws. */
public final class StorageCodes {
  private StorageCodes() {}

  /** The code by kind, and by whether it happened to a table or to the state beside it. */
  public static BackfillErrorCode of(DatasetException e) {
    return switch (e.kind()) {
      case NOT_FOUND ->
          e.ofState() ? BackfillErrorCode.STORAGE_FAILED : BackfillErrorCode.NOT_A_LANCE_TABLE;
      case CORRUPT ->
          e.ofState() ? BackfillErrorCode.STATE_DAMAGED : BackfillErrorCode.STORAGE_FAILED;
      case PERMISSION_DENIED -> BackfillErrorCode.READ_ONLY_TABLE;
      case FORMAT_TOO_NEW -> BackfillErrorCode.STATE_FORMAT_TOO_NEW;
      case INVALID_INPUT -> BackfillErrorCode.INVALID_ARGUMENT;
      case COMMIT_CONFLICT, COMMIT_CONTENTION -> BackfillErrorCode.COMMIT_FAILED;
      case INTERRUPTED -> BackfillErrorCode.JOB_INTERRUPTED;
      case UNAVAILABLE, OTHER -> BackfillErrorCode.STORAGE_FAILED;
    };
  }
}
