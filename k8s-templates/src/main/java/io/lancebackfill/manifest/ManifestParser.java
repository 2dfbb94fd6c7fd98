package io.lancebackfill.manifest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.lancebackfill.secret.Secrets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Reads a manifest from JSON or YAML, and keeps the faults of one document. */
final class ManifestParser {
  private static final ObjectMapper JSON = strict(JsonMapper.builder().build());
  private static final String FIELDS =
      "name, pip, requirements, py_modules, paths, env_vars, secret_env_vars, image,"
          + " skip_site_packages, python, platform";

  /** Loaded with the first YAML: a Spark built without Kubernetes has no reader for it. */
  private static final class Yaml {
    static final ObjectMapper MAPPER = strict(YAMLMapper.builder().build());
  }

  private final List<ManifestFault> faults = new ArrayList<>();

  private ManifestParser() {}

  static ManifestSpec parse(String document) {
    JsonNode root = tree(document);
    if (!root.isObject()) {
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  "document", "is no object. Write fields and their values: " + FIELDS + ".")));
    }
    return new ManifestParser().spec(root);
  }

  private static ObjectMapper strict(ObjectMapper mapper) {
    // Python 3.10 is a number in YAML; it must not become 3.1.
    return mapper
        .configure(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES, false)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
  }

  private static JsonNode tree(String document) {
    boolean json = document.stripLeading().startsWith("{");
    try {
      return (json ? JSON : Yaml.MAPPER).readTree(document);
    } catch (JsonProcessingException e) {
      // Jackson's own message quotes the document, which may hold what is secret.
      String place =
          e.getLocation() == null
              ? "document"
              : "line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
      String what = Secrets.redacted(firstLine(e.getOriginalMessage()));
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  place, "no " + (json ? "JSON" : "YAML") + ": " + what + ". Mend the syntax.")));
    }
  }

  private static String firstLine(@Nullable String message) {
    return message == null ? "unreadable" : message.lines().findFirst().orElse("unreadable");
  }

  private ManifestSpec spec(JsonNode root) {
    JsonNode name = root.get("name");
    if (name == null) {
      fault("name", "is missing. Give the manifest a name.");
    }
    String text = name == null ? null : text("name", name);
    ManifestSpec.Builder builder = ManifestSpec.builder(text == null ? "unnamed" : text);
    root.fields().forEachRemaining(field -> field(builder, field.getKey(), field.getValue()));
    return builder.build(faults);
  }

  private void field(ManifestSpec.Builder builder, String key, JsonNode value) {
    if (value.isNull() && !key.equals("name")) {
      return;
    }
    switch (key) {
      case "name" -> {}
      case "format" -> format(value);
      case "pip" -> texts(key, value, builder::pip);
      case "requirements" -> apply(text(key, value), builder::requirements);
      case "py_modules" -> texts(key, value, builder::pyModules);
      case "paths" -> texts(key, value, builder::paths);
      case "env_vars" -> variables(builder, value);
      case "secret_env_vars" -> secrets(builder, value);
      case "image" -> apply(text(key, value), builder::image);
      case "python" -> apply(scalar(key, value), builder::python);
      case "platform" -> apply(text(key, value), builder::platform);
      case "skip_site_packages" -> {
        if (value.isBoolean()) {
          builder.skipSitePackages(value.booleanValue());
        } else {
          fault(key, "must be true or false, and is " + kind(value) + ".");
        }
      }
      default -> fault(key, "is no field of a manifest. The fields are: " + FIELDS + ".");
    }
  }

  private void format(JsonNode value) {
    if (!value.isInt() || value.intValue() != ManifestWriter.FORMAT) {
      fault(
          "format",
          "this version reads format "
              + ManifestWriter.FORMAT
              + " only. Read the manifest with the version that wrote it, or a later one.");
    }
  }

  private void variables(ManifestSpec.Builder builder, JsonNode value) {
    if (!object("env_vars", value, "names and values")) {
      return;
    }
    value
        .fields()
        .forEachRemaining(
            entry ->
                apply(
                    scalar("env_vars." + entry.getKey(), entry.getValue()),
                    text -> builder.envVar(entry.getKey(), text)));
  }

  private void secrets(ManifestSpec.Builder builder, JsonNode value) {
    if (!object("secret_env_vars", value, "names and SECRET/KEY")) {
      return;
    }
    value.fields().forEachRemaining(entry -> secret(builder, entry.getKey(), entry.getValue()));
  }

  private void secret(ManifestSpec.Builder builder, String variable, JsonNode value) {
    if (value.isTextual() && value.textValue().indexOf('/') > 0) {
      int slash = value.textValue().indexOf('/');
      builder.secretEnvVar(
          variable, value.textValue().substring(0, slash), value.textValue().substring(slash + 1));
    } else if (value.isObject()
        && value.size() == 2
        && value.path("secret").isTextual()
        && value.path("key").isTextual()) {
      builder.secretEnvVar(variable, value.get("secret").textValue(), value.get("key").textValue());
    } else {
      fault(
          "secret_env_vars." + variable,
          "must name a Kubernetes secret, as SECRET/KEY or {secret: SECRET, key: KEY}. The value"
              + " itself does not belong here.");
    }
  }

  private boolean object(String place, JsonNode value, String content) {
    if (!value.isObject()) {
      fault(place, "must be an object of " + content + ", and is " + kind(value) + ".");
    }
    return value.isObject();
  }

  private void texts(String place, JsonNode value, Consumer<String[]> use) {
    if (!value.isArray()) {
      fault(place, "must be a list of texts, and is " + kind(value) + ". Write it as a list.");
      return;
    }
    List<String> texts = new ArrayList<>();
    for (int at = 0; at < value.size(); at++) {
      apply(text(place + "[" + at + "]", value.get(at)), texts::add);
    }
    if (texts.size() == value.size()) {
      // Places of later checks count from the list that the user wrote.
      use.accept(texts.toArray(new String[0]));
    }
  }

  private @Nullable String text(String place, JsonNode value) {
    if (value.isTextual()) {
      return value.textValue();
    }
    fault(place, "must be a text, and is " + kind(value) + ". Put it in quotes.");
    return null;
  }

  private @Nullable String scalar(String place, JsonNode value) {
    return value.isNumber() ? value.decimalValue().toPlainString() : text(place, value);
  }

  private static void apply(@Nullable String text, Consumer<String> use) {
    if (text != null) {
      use.accept(text);
    }
  }

  private void fault(String place, String problem) {
    faults.add(new ManifestFault(place, problem));
  }

  private static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case BOOLEAN -> "true or false";
      case NUMBER -> "a number";
      case NULL -> "null";
      default -> "a text";
    };
  }
}
