package io.lancebackfill.table;

import java.util.Map;

/**
 * The table of a call.
 *
 * @param displayName how messages and records name it: catalog and name, or the URI
 * @param uri where it lies
 * @param storageOptions credentials and the like: secret, and not shown by {@code toString}
 * @param catalog the catalog that gave the name or the credentials
 */
public record TableAddress(
    String displayName, String uri, Map<String, String> storageOptions, String catalog) {
  public TableAddress {
    storageOptions = Map.copyOf(storageOptions);
  }

  @Override
  public String toString() {
    return "TableAddress[displayName=" + displayName + ", catalog=" + catalog + "]";
  }
}
