/**
 * Reads ranges of fragments of one pinned version: as Arrow batches ({@link
 * io.lancebackfill.datasource.read.FragmentBatchReader}) and as a Spark table ({@link
 * io.lancebackfill.datasource.read.FragmentTable}), one partition for each range.
 */
@NullMarked
package io.lancebackfill.datasource.read;

import org.jspecify.annotations.NullMarked;
