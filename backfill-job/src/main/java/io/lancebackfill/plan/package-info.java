/** Which rows of which fragments need computing. */
@NullMarked
package io.lancebackfill.plan;

import org.jspecify.annotations.NullMarked;
