/** What a function computes, as a short text that is equal in every process and session. */
@NullMarked
package io.lancebackfill.fingerprint;

import org.jspecify.annotations.NullMarked;
