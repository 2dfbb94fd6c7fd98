/** The catalog that users configure. */
@NullMarked
package io.lancebackfill.catalog;

import org.jspecify.annotations.NullMarked;
