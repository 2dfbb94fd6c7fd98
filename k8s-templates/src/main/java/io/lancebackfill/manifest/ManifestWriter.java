package io.lancebackfill.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Writes JSON in one form only, so that equal content has equal text and hash. */
public final class ManifestWriter {
  static final int FORMAT = 1;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private ManifestWriter() {}

  static String json(ManifestSpec spec, boolean withName) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("format", FORMAT);
    put(fields, "name", withName ? spec.name() : null);
    put(fields, "pip", spec.packages().pip().stream().sorted().toList());
    put(fields, "requirements", spec.packages().requirements());
    put(fields, "skip_site_packages", spec.packages().skipSitePackages() ? true : null);
    put(fields, "py_modules", spec.code().pyModules());
    put(fields, "paths", spec.code().paths());
    put(fields, "env_vars", spec.env().vars());
    put(fields, "secret_env_vars", secrets(spec.env()));
    put(fields, "image", spec.target().image());
    put(fields, "python", spec.target().python());
    put(fields, "platform", spec.target().platform());
    return json(fields);
  }

  /** Secret variables as JSON has them: {@code secret/key} by name. */
  public static Map<String, String> secrets(ManifestSpec.Env env) {
    Map<String, String> written = new TreeMap<>();
    env.secretVars().forEach((variable, ref) -> written.put(variable, ref.toString()));
    return written;
  }

  /** Adds a field unless it is null or empty: a field added later leaves old hashes as they are. */
  public static void put(Map<String, Object> fields, String key, @Nullable Object value) {
    boolean empty =
        value == null
            || (value instanceof Collection<?> items && items.isEmpty())
            || (value instanceof Map<?, ?> entries && entries.isEmpty());
    if (!empty) {
      fields.put(key, value);
    }
  }

  /** The text of maps that are sorted already. */
  public static String json(Map<String, Object> sorted) {
    try {
      return MAPPER.writeValueAsString(sorted);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SHA-256 of the text's UTF-8, in hexadecimal. */
  public static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Java has no SHA-256", e);
    }
  }
}
