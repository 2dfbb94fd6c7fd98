/** Where parts are kept, by their hash. */
@NullMarked
package io.lancebackfill.manifest.store;

import org.jspecify.annotations.NullMarked;
