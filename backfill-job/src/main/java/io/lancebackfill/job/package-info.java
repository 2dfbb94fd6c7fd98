/** Jobs: a backfill from its call to its end. */
@NullMarked
package io.lancebackfill.job;

import org.jspecify.annotations.NullMarked;
