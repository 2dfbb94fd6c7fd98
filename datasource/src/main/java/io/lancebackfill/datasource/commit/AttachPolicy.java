package io.lancebackfill.datasource.commit;

/** Which way to attach where the column lies in a file with other columns. */
public enum AttachPolicy {
  /**
   * {@link AttachMethod#SHADOW_COLUMN} if the table has stable row ids and all files are its own,
   * else UPDATE: files that a branch or a shallow clone began with cannot be named a second time.
   */
  AUTO,
  UPDATE,
  SHADOW_COLUMN
}
