package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetRef;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;

/** A dataset that may not be there, for try-with-resources. */
record Handle(@Nullable Dataset opened) implements AutoCloseable {

  static Handle open(DatasetRef ref) {
    return new Handle(StateDatasets.openIfPresent(ref).orElse(null));
  }

  boolean present() {
    return opened != null;
  }

  Dataset dataset() {
    if (opened == null) {
      throw new IllegalStateException("There is no dataset");
    }
    return opened;
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
    }
  }
}
