package io.lancebackfill.failure;

import java.util.List;

/** Where rows on which a function failed are recorded, before the files that lack them are. */
public interface ErrorLog {
  /** Records rows in one append: all of them, or none. */
  void append(List<ErrorRecord> errors);
}
