@NullMarked
package io.lancebackfill.datasource.store;

import org.jspecify.annotations.NullMarked;
