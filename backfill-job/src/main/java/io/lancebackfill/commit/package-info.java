/** The one writer that attaches finished column files to the table. */
@NullMarked
package io.lancebackfill.commit;

import org.jspecify.annotations.NullMarked;
