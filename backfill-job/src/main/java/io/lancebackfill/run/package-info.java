/** What executors do: read, compute, checkpoint, write a column file. */
@NullMarked
package io.lancebackfill.run;

import org.jspecify.annotations.NullMarked;
