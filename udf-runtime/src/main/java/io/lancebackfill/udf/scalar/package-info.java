/** Runs functions on Java values over Arrow batches. */
@NullMarked
package io.lancebackfill.udf.scalar;

import org.jspecify.annotations.NullMarked;
