/** Jobs as users call them: backfill, declare, coverage, clean. */
@NullMarked
package io.lancebackfill.job;

import org.jspecify.annotations.NullMarked;
