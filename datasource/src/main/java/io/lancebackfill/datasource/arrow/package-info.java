/** What Lance's native side needs of Arrow data beyond what Arrow's Java library makes sure of. */
@NullMarked
package io.lancebackfill.datasource.arrow;

import org.jspecify.annotations.NullMarked;
