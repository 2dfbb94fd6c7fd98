package io.lancebackfill.state;

import java.util.List;

/** Where finished column files are recorded before they are committed. */
public interface OriginLog {
  /** Records files in one append: all of them, or none. */
  void append(List<ColumnOrigin> origins);
}
