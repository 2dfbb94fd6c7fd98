/** Where programs enter: {@code spark-submit} and Java. */
@NullMarked
package io.lancebackfill;

import org.jspecify.annotations.NullMarked;
