/** SQL functions on vectors: what conditions on embeddings need and Spark has not. */
@NullMarked
package io.lancebackfill.vector;

import org.jspecify.annotations.NullMarked;
