/** Manifests: what the workers of a function need installed, packaged by content. */
@NullMarked
package io.lancebackfill.manifest;

import org.jspecify.annotations.NullMarked;
