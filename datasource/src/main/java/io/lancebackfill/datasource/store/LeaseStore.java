package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Transaction;
import org.lance.operation.Operation;
import org.lance.operation.UpdateConfig;
import org.lance.operation.UpdateMap;

/** Reads and exchanges the record of one lease, which is one config key of its own dataset. */
final class LeaseStore {
  private static final String KEY = "lease";
  private static final Schema SCHEMA =
      new Schema(List.of(Field.nullable("unused", ArrowType.Bool.INSTANCE)));

  /** Longer than any reader or challenger needs a version for. */
  private static final Duration GRACE = Duration.ofMinutes(1);

  private final DatasetRef ref;

  LeaseStore(DatasetRef ref) {
    this.ref = ref;
  }

  /** The newest record; a free one if there is no dataset, which is not created. */
  LeaseRecord read() {
    try (Handle handle = Handle.open(ref)) {
      return handle.present() ? record(handle.dataset()) : LeaseRecord.free(0);
    }
  }

  /** Whether it was this call that made the dataset. */
  boolean create() {
    return StateDatasets.createIfAbsent(ref, SCHEMA);
  }

  private LeaseRecord record(Dataset dataset) {
    try {
      return LeaseRecord.parse(ref, dataset.getConfig().get(KEY));
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the lease", ref, e);
    }
  }

  /**
   * Puts the new record in place of the one that is expected there.
   *
   * @return false if somebody else wrote one since
   * @throws DatasetException if the outcome is not known, or the store failed
   */
  boolean exchange(LeaseRecord expected, LeaseRecord next) {
    return change(found -> found.equals(expected) ? next : null).isPresent();
  }

  /**
   * Puts another record in place of the one that is there; makes the dataset if there is none.
   *
   * @param change the new record, or null to leave it at that
   * @return the new record; empty if nothing was written, or somebody else wrote one since
   */
  Optional<LeaseRecord> change(Function<LeaseRecord, @Nullable LeaseRecord> change) {
    try (Handle handle = Handle.open(ref)) {
      LeaseRecord found = handle.present() ? record(handle.dataset()) : LeaseRecord.free(0);
      LeaseRecord next = change.apply(found);
      boolean done =
          next != null
              && (handle.present() ? exchange(handle.dataset(), next) : exchangeFirst(next));
      return done ? Optional.ofNullable(next) : Optional.empty();
    }
  }

  private boolean exchangeFirst(LeaseRecord next) {
    create();
    try (Dataset dataset = DatasetOpener.latest(ref)) {
      return record(dataset).equals(LeaseRecord.free(0)) && exchange(dataset, next);
    }
  }

  private boolean exchange(Dataset dataset, LeaseRecord next) {
    // replace(false): Dataset.updateConfig would put the whole config in its place.
    Operation update =
        UpdateConfig.builder()
            .configUpdates(
                UpdateMap.builder()
                    .updates(new HashMap<>(Map.of(KEY, next.json())))
                    .replace(false)
                    .build())
            .build();
    try (Transaction transaction =
            new Transaction.Builder().readVersion(dataset.version()).operation(update).build();
        Dataset after =
            new CommitBuilder(dataset)
                .writeParams(ref.storageOptions())
                .skipAutoCleanup(true)
                .execute(transaction)) {
      return after.version() > dataset.version();
    } catch (Exception e) {
      // Whether the answer was lost or the race: the newest record says whose it is.
      DatasetException failure = LanceErrorClassifier.classify("write the lease", ref, e);
      if (read().equals(next)) {
        return true;
      }
      if (failure.kind() == Kind.COMMIT_CONFLICT || failure.kind() == Kind.COMMIT_CONTENTION) {
        return false;
      }
      throw failure;
    }
  }

  /** Keeps the dataset small. */
  void cleanUp() {
    StateDatasets.cleanUp(ref, GRACE);
  }
}
