/** Several columns of one call, each after those that it reads, beside them where it can be. */
@NullMarked
package io.lancebackfill.pipeline;

import org.jspecify.annotations.NullMarked;
