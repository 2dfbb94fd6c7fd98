package io.lancebackfill.datasource.table;

import java.io.Serializable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Rows of a fragment that were deleted when somebody looked. They are gone for readers only: a
 * restore of an earlier version brings them back to life.
 *
 * @param file {@link FragmentSnapshot#deletionFile} at that time
 * @param rows their physical offsets
 */
public record DeletedRows(String file, RoaringBitmap rows) implements Serializable {
  /** Of a fragment whose rows were all alive. */
  public static final DeletedRows NONE = new DeletedRows("", new RoaringBitmap());

  /** Whether all of them certainly are deleted in a version of the fragment. */
  public boolean surelyDeletedIn(FragmentSnapshot fragment) {
    return rows.isEmpty() || file.equals(fragment.deletionFile());
  }
}
