/** Secrets in definitions: told from other values, and named by where they lie. */
@NullMarked
package io.lancebackfill.secret;

import org.jspecify.annotations.NullMarked;
