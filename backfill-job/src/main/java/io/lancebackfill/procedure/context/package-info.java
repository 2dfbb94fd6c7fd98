/** The procedures on clusters and manifests. */
@NullMarked
package io.lancebackfill.procedure.context;

import org.jspecify.annotations.NullMarked;
