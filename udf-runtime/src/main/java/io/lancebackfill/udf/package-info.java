/** What a function is: the interface that users write, its description, and how it fails. */
@NullMarked
package io.lancebackfill.udf;

import org.jspecify.annotations.NullMarked;
