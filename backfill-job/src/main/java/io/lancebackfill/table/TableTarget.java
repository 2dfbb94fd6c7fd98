package io.lancebackfill.table;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.state.StoredFunctions;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A table and what belongs to it.
 *
 * @param name as the caller named it, for messages
 * @param ref its address
 * @param catalog name of the catalog of the call, whose procedures reach the table
 * @param catalogRoot folder of the catalog of the call, which keeps registered functions; null if
 *     it has none
 */
public record TableTarget(
    String name, DatasetRef ref, String catalog, @Nullable DatasetRef catalogRoot) {
  public Optional<StoredFunctions> catalogFunctions() {
    return Optional.ofNullable(catalogRoot).map(StoredFunctions::ofCatalog);
  }
}
