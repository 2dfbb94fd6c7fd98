/** What executors do: read, compute, checkpoint, write a column file. */
@NullMarked
package io.lancebackfill.task;

import org.jspecify.annotations.NullMarked;
