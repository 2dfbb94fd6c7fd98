/** What the values of a column are: fresh, stale, missing or unknown, by records and history. */
@NullMarked
package io.lancebackfill.coverage;

import org.jspecify.annotations.NullMarked;
