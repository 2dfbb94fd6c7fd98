package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.DatasetRef;
import java.util.HashMap;
import java.util.Map;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Transaction;
import org.lance.operation.Operation;

/** Sends one transaction. */
final class LanceCommit {
  private LanceCommit() {}

  /**
   * Commits on top of the version that was read; Lance itself puts it on top of newer ones where it
   * sees no conflict.
   *
   * @return the version that the commit made
   */
  static long send(
      DatasetRef table, Dataset read, Operation operation, Map<String, String> properties) {
    try (Transaction transaction =
            new Transaction.Builder()
                .readVersion(read.version())
                .operation(operation)
                .transactionProperties(new HashMap<>(properties))
                .build();
        Dataset after =
            new CommitBuilder(read)
                .writeParams(table.storageOptions())
                .skipAutoCleanup(true)
                .execute(transaction)) {
      return after.version();
    }
  }
}
