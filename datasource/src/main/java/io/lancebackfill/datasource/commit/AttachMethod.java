package io.lancebackfill.datasource.commit;

/** How a column file gets into a fragment. */
public enum AttachMethod {
  /** Where the column has a file of its own, or none. */
  DATA_REPLACEMENT,
  /**
   * Where it lies in a file with other columns: one commit that gives the fragment new metadata. On
   * a table with stable row ids that resets the fragment's row versions to 1.
   */
  UPDATE,
  /**
   * The same, by a column that takes the old one's place: keeps row versions, takes three commits,
   * or four with an index, and the column gets new field ids.
   */
  SHADOW_COLUMN
}
