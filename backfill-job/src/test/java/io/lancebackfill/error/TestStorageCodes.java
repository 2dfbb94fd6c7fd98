package io.lancebackfill.error;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestStorageCodes {
  /** A folder's name of the user's own tells nothing. */
  private static final DatasetRef TABLE = DatasetRef.of("/data/_backfill/format/t.lance");

  @ParameterizedTest
  @CsvSource({
    "NOT_FOUND, NOT_A_LANCE_TABLE, STORAGE_FAILED",
    "CORRUPT, STORAGE_FAILED, STATE_DAMAGED",
    "PERMISSION_DENIED, READ_ONLY_TABLE, READ_ONLY_TABLE",
    "UNAVAILABLE, STORAGE_FAILED, STORAGE_FAILED",
    "INTERRUPTED, JOB_INTERRUPTED, JOB_INTERRUPTED",
    "FORMAT_TOO_NEW, STATE_FORMAT_TOO_NEW, STATE_FORMAT_TOO_NEW",
    "INVALID_INPUT, INVALID_ARGUMENT, INVALID_ARGUMENT",
    "COMMIT_CONFLICT, COMMIT_FAILED, COMMIT_FAILED",
    "COMMIT_CONTENTION, COMMIT_FAILED, COMMIT_FAILED",
    "OTHER, STORAGE_FAILED, STORAGE_FAILED"
  })
  void comeFromTheKindAndThePlace(Kind kind, BackfillErrorCode ofTable, BackfillErrorCode ofState) {
    assertThat(StorageCodes.of(failure(kind, TABLE))).isEqualTo(ofTable);
    DatasetRef state = TABLE.stateFolder().child("jobs.lance");
    assertThat(StorageCodes.of(failure(kind, state))).isEqualTo(ofState);
  }

  private static DatasetException failure(Kind kind, DatasetRef ref) {
    return new DatasetException(kind, ref, "Cannot read " + ref.display() + ".", null);
  }
}
