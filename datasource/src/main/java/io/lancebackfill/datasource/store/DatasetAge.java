package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Instant;
import java.util.Optional;

/** How old a small dataset is. */
public final class DatasetAge {
  private DatasetAge() {}

  /**
   * When its newest version was made; empty if there is none, or it is damaged.
   *
   * @throws DatasetException if the store does not say
   */
  public static Optional<Instant> changedAt(DatasetRef ref) {
    try (Handle handle = Handle.open(ref)) {
      return handle.present()
          ? Optional.of(handle.dataset().getVersion().getDataTime().toInstant())
          : Optional.empty();
    } catch (DatasetException e) {
      if (e.kind() != DatasetException.Kind.CORRUPT
          && e.kind() != DatasetException.Kind.NOT_FOUND) {
        throw e;
      }
      return Optional.empty();
    }
  }
}
