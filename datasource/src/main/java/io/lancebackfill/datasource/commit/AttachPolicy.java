package io.lancebackfill.datasource.commit;

/** Which way to attach where the column lies in a file with other columns. */
public enum AttachPolicy {
  /** {@link AttachMethod#SHADOW_COLUMN} if the table has stable row ids, else UPDATE. */
  AUTO,
  UPDATE,
  SHADOW_COLUMN
}
