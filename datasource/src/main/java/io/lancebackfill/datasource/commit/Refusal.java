package io.lancebackfill.datasource.commit;

/** Why a column file may not be attached any more. What it was made from is no longer there. */
public enum Refusal {
  /** The fragment is not in the newest version: compacted, or all its rows updated or deleted. */
  FRAGMENT_GONE,
  /** An input column of the fragment was written again, or is gone from the table. */
  INPUT_CHANGED,
  /** Somebody else filled the column in this fragment meanwhile. */
  COLUMN_CHANGED,
  /** The fragment has another number of physical rows: it is another one with the same id. */
  ROWS_CHANGED,
  /** A restore brought rows back to life that were deleted, and are without a value in the file. */
  ROWS_RESTORED,
  /** The file was attached, and a restore took it away again. */
  TAKEN_BACK
}
