package io.lancebackfill.manifest.pack;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.ManifestWriter;
import io.lancebackfill.secret.SecretKey;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A manifest whose parts are in a store: all that a worker needs to know.
 *
 * @param name of the manifest
 * @param parts sorted by hash; together they are one tree of files
 * @param sysPath folders of that tree, in the order of Python's {@code sys.path}
 * @param packages versions by normalised name that a worker must see; an empty one is any version
 * @param env variables; of secret ones the place
 * @param target with the version of Python, always
 */
public record PackagedManifest(
    String name,
    List<Part> parts,
    List<String> sysPath,
    SortedMap<String, String> packages,
    ManifestSpec.Env env,
    ManifestSpec.Target target) {
  private static final int FORMAT = 1;
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern FOLDER = Pattern.compile("[A-Za-z0-9_-]+");

  public PackagedManifest {
    parts = List.copyOf(parts);
    sysPath = List.copyOf(sysPath);
    packages = Collections.unmodifiableSortedMap(new TreeMap<>(packages));
  }

  /** JSON with sorted keys: equal manifests give equal text. */
  public String toJson() {
    return json(true);
  }

  /** SHA-256, in hexadecimal, of all but the name: the content of every file included. */
  public String hash() {
    return ManifestWriter.sha256(json(false));
  }

  /** SHA-256, in hexadecimal, of the parts alone: equal for manifests of the same files. */
  public String filesHash() {
    return ManifestWriter.sha256(
        parts.stream().map(Part::hash).collect(Collectors.joining("\n", "files\n", "\n")));
  }

  private String json(boolean withName) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("format", FORMAT);
    ManifestWriter.put(fields, "name", withName ? name : null);
    ManifestWriter.put(fields, "parts", parts.stream().map(PackagedManifest::json).toList());
    ManifestWriter.put(fields, "sys_path", sysPath);
    ManifestWriter.put(fields, "packages", packages);
    ManifestWriter.put(fields, "env_vars", env.vars());
    ManifestWriter.put(fields, "secret_env_vars", ManifestWriter.secrets(env));
    ManifestWriter.put(fields, "image", target.image());
    ManifestWriter.put(fields, "python", target.python());
    ManifestWriter.put(fields, "platform", target.platform());
    return ManifestWriter.json(fields);
  }

  private static Map<String, Object> json(Part part) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("kind", part.kind().toString());
    fields.put("hash", part.hash());
    fields.put("bytes", part.bytes());
    fields.put("files", part.files());
    return fields;
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws ManifestException if it is something else
   */
  public static PackagedManifest parse(String json) {
    try {
      JsonNode root = MAPPER.readTree(json);
      if (root.path("format").asInt() != FORMAT) {
        throw refused("has another format than " + FORMAT, null);
      }
      List<Part> parts = new ArrayList<>();
      root.path("parts").forEach(part -> parts.add(part(part)));
      List<String> sysPath = new ArrayList<>();
      root.path("sys_path").forEach(entry -> sysPath.add(checked(entry.asText(), FOLDER)));
      SortedMap<String, SecretKey> secrets = new TreeMap<>();
      texts(root.path("secret_env_vars"))
          .forEach(
              (variable, ref) -> {
                int slash = ref.indexOf('/');
                secrets.put(
                    variable, new SecretKey(ref.substring(0, slash), ref.substring(slash + 1)));
              });
      return new PackagedManifest(
          root.path("name").asText(),
          parts,
          sysPath,
          texts(root.path("packages")),
          new ManifestSpec.Env(texts(root.path("env_vars")), secrets),
          new ManifestSpec.Target(
              root.path("image").textValue(),
              root.path("python").textValue(),
              root.path("platform").asText()));
    } catch (JsonProcessingException | IndexOutOfBoundsException e) {
      throw refused("cannot be read", e);
    }
  }

  private static Part part(JsonNode node) {
    PartKind kind =
        PartKind.of(node.path("kind").asText())
            .orElseThrow(() -> refused("has a part of an unknown kind", null));
    return new Part(
        kind,
        checked(node.path("hash").asText(), HASH),
        node.path("bytes").asLong(),
        node.path("files").asInt());
  }

  private static String checked(String text, Pattern form) {
    if (!form.matcher(text).matches()) {
      throw refused("has '" + text + "' where a hash or the name of a folder belongs", null);
    }
    return text;
  }

  private static SortedMap<String, String> texts(JsonNode node) {
    SortedMap<String, String> texts = new TreeMap<>();
    node.fields().forEachRemaining(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
    return texts;
  }

  private static ManifestException refused(String problem, @Nullable Throwable cause) {
    return new ManifestException(
        List.of(
            new ManifestFault(
                "packaged manifest", problem + ". Package the manifest again with this version.")),
        cause);
  }
}
