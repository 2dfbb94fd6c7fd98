/** What the driver does with Spark: cuts tasks, submits them, takes their results. */
@NullMarked
package io.lancebackfill.run;

import org.jspecify.annotations.NullMarked;
