/** Which rows of which fragments need computing, and how they are cut into tasks. */
@NullMarked
package io.lancebackfill.plan;

import org.jspecify.annotations.NullMarked;
