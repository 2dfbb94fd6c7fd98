/** Declares computed columns and functions, and binds them for a job. */
@NullMarked
package io.lancebackfill.declare;

import org.jspecify.annotations.NullMarked;
