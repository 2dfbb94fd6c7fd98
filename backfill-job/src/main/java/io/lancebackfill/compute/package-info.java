/** Where a task's values come from: a query of Spark's, a function on Arrow batches, a copy. */
@NullMarked
package io.lancebackfill.compute;

import org.jspecify.annotations.NullMarked;
