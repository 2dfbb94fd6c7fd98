package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.Map;

/**
 * A table's address: where it is and how to get in.
 *
 * @param uri a folder, {@code file://} or object store URI of a Lance dataset
 * @param storageOptions object store settings, credentials among them; never printed
 */
public record DatasetRef(String uri, Map<String, String> storageOptions) implements Serializable {

  /**
   * @throws IllegalArgumentException if the uri is blank
   */
  public DatasetRef {
    if (uri.isBlank()) {
      throw new IllegalArgumentException(
          "A table's uri is empty; give the folder or object store address of a Lance table");
    }
    storageOptions = Map.copyOf(storageOptions);
  }

  /** A table that needs no storage options. */
  public static DatasetRef of(String uri) {
    return new DatasetRef(uri, Map.of());
  }

  /** The dataset {@code name} in this one's folder, opened with the same options. */
  public DatasetRef child(String name) {
    int end = uri.length();
    while (end > 1 && uri.charAt(end - 1) == '/') {
      end--;
    }
    return new DatasetRef(uri.substring(0, end) + "/" + name, storageOptions);
  }

  /** The uri and how many storage options there are; neither their keys nor their values. */
  @Override
  public String toString() {
    return storageOptions.isEmpty()
        ? "DatasetRef[" + uri + "]"
        : "DatasetRef[" + uri + ", " + storageOptions.size() + " storage options (redacted)]";
  }
}
