/** Deletes what nothing refers to any more: checkpoints, column files, records. */
@NullMarked
package io.lancebackfill.clean;

import org.jspecify.annotations.NullMarked;
