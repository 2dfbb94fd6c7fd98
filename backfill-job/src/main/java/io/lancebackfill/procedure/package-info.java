/** What a CALL runs: procedures, their parameters, and the binding of arguments to them. */
@NullMarked
package io.lancebackfill.procedure;

import org.jspecify.annotations.NullMarked;
