/** End-to-end comparisons of ways to fill a column. Published nowhere, used by nothing. */
@NullMarked
package io.lancebackfill.benchmarks;

import org.jspecify.annotations.NullMarked;
