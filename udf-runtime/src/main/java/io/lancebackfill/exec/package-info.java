/**
 * How a task runs a function: batches, their size, and prompt output of Spark's own Python workers.
 */
@NullMarked
package io.lancebackfill.exec;

import org.jspecify.annotations.NullMarked;
