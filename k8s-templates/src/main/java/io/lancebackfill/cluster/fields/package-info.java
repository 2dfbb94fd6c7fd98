/** The fields of a definition: their syntax, and what is wrong with them by path. */
@NullMarked
package io.lancebackfill.cluster.fields;

import org.jspecify.annotations.NullMarked;
