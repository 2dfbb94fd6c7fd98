package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.Map;

/**
 * A table's address: where it is and how to get in.
 *
 * @param uri a folder, {@code file://} or object store URI of a Lance dataset; may hold credentials
 * @param storageOptions object store settings, credentials among them; never printed
 * @param state whether this is not a table but state that is kept beside one
 */
public record DatasetRef(String uri, Map<String, String> storageOptions, boolean state)
    implements Serializable {
  /** Name of the folder in a table's, or a catalog's, that keeps state. */
  public static final String STATE_FOLDER = "_backfill";

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

  /** A table. */
  public DatasetRef(String uri, Map<String, String> storageOptions) {
    this(uri, storageOptions, false);
  }

  /** A table that needs no storage options. */
  public static DatasetRef of(String uri) {
    return new DatasetRef(uri, Map.of());
  }

  /** The dataset {@code name} in this one's folder, opened with the same options. */
  public DatasetRef child(String name) {
    return new DatasetRef(below(name), storageOptions, state);
  }

  /** The folder that keeps state beside this table. */
  public DatasetRef stateFolder() {
    return new DatasetRef(below(STATE_FOLDER), storageOptions, /* state= */ true);
  }

  private String below(String name) {
    int end = uri.length();
    while (end > 1 && uri.charAt(end - 1) == '/') {
      end--;
    }
    return uri.substring(0, end) + "/" + name;
  }

  /** The uri as it may be shown: without credentials. For messages, plans and records. */
  public String display() {
    return Credentials.without(uri);
  }

  /** The uri and how many storage options there are; neither their keys nor their values. */
  @Override
  public String toString() {
    return storageOptions.isEmpty()
        ? "DatasetRef[" + display() + "]"
        : "DatasetRef[" + display() + ", " + storageOptions.size() + " storage options (redacted)]";
  }
}
