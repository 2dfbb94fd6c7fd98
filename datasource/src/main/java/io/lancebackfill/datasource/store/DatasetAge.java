package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Instant;
import java.util.Optional;

/** How old a small dataset is. */
public final class DatasetAge {
  private DatasetAge() {}

  /** When its newest version was made; empty if there is none that can be read. */
  public static Optional<Instant> changedAt(DatasetRef ref) {
    try (Handle handle = Handle.open(ref)) {
      return handle.present()
          ? Optional.of(handle.dataset().getVersion().getDataTime().toInstant())
          : Optional.empty();
    } catch (DatasetException e) {
      return Optional.empty();
    }
  }
}
