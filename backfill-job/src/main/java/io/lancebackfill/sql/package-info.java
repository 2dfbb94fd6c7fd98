/** The SQL front: claims CALLs of our procedures and leaves everything else to Spark. */
@NullMarked
package io.lancebackfill.sql;

import org.jspecify.annotations.NullMarked;
