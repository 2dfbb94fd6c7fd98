/** What may go wrong, each with a stable code. */
@NullMarked
package io.lancebackfill.error;

import org.jspecify.annotations.NullMarked;
