/** Python functions on Arrow batches: what describes them, and the workers that run them. */
@NullMarked
package io.lancebackfill.python;

import org.jspecify.annotations.NullMarked;
