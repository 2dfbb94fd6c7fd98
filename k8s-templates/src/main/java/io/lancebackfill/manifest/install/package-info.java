/** The worker's side: parts unpacked once per machine, and the checks before the first row. */
@NullMarked
package io.lancebackfill.manifest.install;

import org.jspecify.annotations.NullMarked;
