package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.DatasetException;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Attaches groups of column files to a table. */
public interface GroupCommitter {
  /**
   * Attaches all of the group that still may be attached.
   *
   * @param transactionProperties written into the transactions
   * @param stillOwner asked right before each commit is sent
   * @throws ColumnGoneException if a column is gone; nothing was committed since
   * @throws LostOwnershipException if {@code stillOwner} said no; files may have been committed
   *     before, which the same call tells
   * @throws CommitFailedException if a commit certainly did not happen
   * @throws CommitStateUnknownException if that cannot be known
   * @throws DatasetException if the table cannot be read
   */
  CommitOutcome commit(
      List<ColumnFileAttachment> group,
      Map<String, String> transactionProperties,
      BooleanSupplier stillOwner);
}
