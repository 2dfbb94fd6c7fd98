/** The procedures that a CALL runs. */
@NullMarked
package io.lancebackfill.procedure;

import org.jspecify.annotations.NullMarked;
