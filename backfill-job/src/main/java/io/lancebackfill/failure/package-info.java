/** The records of rows on which functions failed. */
@NullMarked
package io.lancebackfill.failure;

import org.jspecify.annotations.NullMarked;
