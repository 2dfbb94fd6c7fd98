/** Functions to begin with: read them, run them, write your own. */
@NullMarked
package io.lancebackfill.udf.example;

import org.jspecify.annotations.NullMarked;
