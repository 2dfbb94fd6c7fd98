/** Finds the table that a caller means, and opens it. */
@NullMarked
package io.lancebackfill.table;

import org.jspecify.annotations.NullMarked;
