package io.lancebackfill.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.state.StoredFunctions.StoredFunction;
import io.lancebackfill.udf.UdfDescriptor;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestStoredFunctions {
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05.000006Z");

  @TempDir private Path folder;

  private StoredFunctions functions() {
    return StoredFunctions.ofCatalog(DatasetRef.of(folder.toString()));
  }

  private static UdfDescriptor function(String name, @Nullable String version) {
    return new UdfDescriptor(name, "java", "a.B", version, Map.of("k", "v"));
  }

  @Test
  void thereAreNoneBeforeTheFirst() {
    assertThat(functions().all()).isEmpty();
    assertThat(functions().find("f")).isEmpty();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aBodyIsStoredOnceAndFoundByItsHashAlone() {
    byte[] body = {1, 2, 3};
    String hash = StoredFunctions.hash(body);
    UdfDescriptor embed = new UdfDescriptor("embed", UdfDescriptor.PYTHON, hash, "1", Map.of());
    functions().put(embed, "1", AT, body);
    functions().put(embed.withVersion("2"), "2", AT, body);
    assertThat(functions().body(hash).orElseThrow()).isEqualTo(body);
    assertThat(functions().body("0".repeat(64))).isEmpty();
    assertThat(functions().body("no hash' OR true")).isEmpty();
    // Whatever a record says: bytes of another hash are not that function.
    String other = "1".repeat(64);
    UdfDescriptor forged = new UdfDescriptor("forged", UdfDescriptor.PYTHON, other, "1", Map.of());
    functions().put(forged, "1", AT, body);
    assertThat(functions().body(other)).isEmpty();
  }

  @Test
  void theLastWordOnANameCounts() {
    functions().put(function("Embed", null), "1", AT, null);
    functions().put(function("other", "v1"), "2", AT, null);
    functions().put(function("EMBED", "v2"), "3", AT.plusSeconds(1), null);
    assertThat(functions().find("embed"))
        .contains(new StoredFunction(function("EMBED", "v2"), "3", AT.plusSeconds(1)));
    assertThat(functions().find("OTHER"))
        .contains(new StoredFunction(function("other", "v1"), "2", AT));
    // In the order of the first registration.
    assertThat(functions().all().keySet()).containsExactly("embed", "other");
    functions().drop("eMBED", AT.plusSeconds(2));
    assertThat(functions().all()).containsOnlyKeys("other");
    functions().put(function("embed", null), "4", AT, null);
    assertThat(functions().all().keySet()).containsExactly("other", "embed");
    assertThat(functions().find("embed").orElseThrow().descriptor().version()).isNull();
  }

  @Test
  void droppingWhatIsNotThereChangesNothing() {
    functions().put(function("f", null), "1", AT, null);
    functions().drop("g", AT);
    assertThat(functions().all()).containsOnlyKeys("f");
  }
}
