/** The binding of a CALL: what procedures are, their parameters, and the arguments of a call. */
@NullMarked
package io.lancebackfill.call;

import org.jspecify.annotations.NullMarked;
