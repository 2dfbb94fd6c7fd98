package io.lancebackfill.python;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.udf.UdfDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A stored Python function, as the package {@code lance_backfill} describes it in the options of
 * {@code register_function}.
 *
 * @param name that expressions call it by
 * @param hash SHA-256 of its pickled body, 64 hex digits
 * @param style what it takes: scalar, batched or record_batch
 * @param inputs its parameters, in order
 * @param output the type of its values; the name means nothing
 * @param python the author's version of Python, such as {@code 3.11.4}
 * @param packages the versions of the packages that it imports, as the author had them
 * @param options what was given with it, as text
 */
public record PythonFunction(
    String name,
    String hash,
    String style,
    List<Input> inputs,
    Field output,
    String python,
    Map<String, String> packages,
    Map<String, String> options) {
  /** The option with the type of its values: a field {@value #VALUE} of an Arrow schema, base64. */
  static final String OUTPUT = "output";

  private static final String VALUE = "value";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> STYLES = Set.of("scalar", "batched", "record_batch");

  /**
   * A parameter.
   *
   * @param accepts the kind of values, {@code any} if all
   */
  public record Input(String name, String accepts) {}

  public PythonFunction {
    inputs = List.copyOf(inputs);
    packages = Map.copyOf(packages);
    options = Map.copyOf(options);
  }

  /**
   * Reads the description.
   *
   * @throws IllegalArgumentException that names every part that is missing or wrong
   */
  public static PythonFunction of(UdfDescriptor descriptor) {
    List<String> faults = new ArrayList<>();
    Map<String, String> options = descriptor.options();
    String style = options.getOrDefault("style", "");
    if (!STYLES.contains(style)) {
      faults.add("option 'style' is '%s', not scalar, batched or record_batch".formatted(style));
    }
    JsonNode inputs = json(options, "inputs", faults);
    JsonNode environment = json(options, "environment", faults);
    Field output = output(options.get(OUTPUT), faults);
    if (descriptor.version() == null && options.getOrDefault("fingerprint", "").isEmpty()) {
      faults.add("it has neither a 'version' nor a 'fingerprint'");
    }
    if (!faults.isEmpty() || output == null) {
      throw new IllegalArgumentException(
          "Function '%s' is not described as Python functions are: %s. Register it with the package lance_backfill: table.add_columns({'column': function})."
              .formatted(descriptor.name(), String.join("; ", faults)));
    }
    List<Input> parameters = new ArrayList<>();
    inputs.forEach(
        i -> parameters.add(new Input(i.path("name").asText(), i.path("accepts").asText("any"))));
    Map<String, String> packages = new TreeMap<>();
    environment
        .path("packages")
        .fields()
        .forEachRemaining(p -> packages.put(p.getKey(), p.getValue().asText()));
    return new PythonFunction(
        descriptor.name(),
        descriptor.className(),
        style,
        parameters,
        output,
        environment.path("python").asText(),
        packages,
        options);
  }

  private static JsonNode json(Map<String, String> options, String key, List<String> faults) {
    try {
      JsonNode node = JSON.readTree(options.getOrDefault(key, ""));
      if (node.isContainerNode()) {
        return node;
      }
    } catch (JsonProcessingException e) {
      faults.add("option '%s' is not JSON (%s)".formatted(key, e.getOriginalMessage()));
      return JSON.createObjectNode();
    }
    faults.add("option '%s' is missing".formatted(key));
    return JSON.createObjectNode();
  }

  private static @Nullable Field output(@Nullable String text, List<String> faults) {
    try {
      byte[] bytes = Base64.getDecoder().decode(text == null ? "" : text);
      Schema schema =
          MessageSerializer.deserializeSchema(
              new ReadChannel(Channels.newChannel(new ByteArrayInputStream(bytes))));
      List<Field> fields = schema.getFields();
      if (fields.size() == 1 && fields.get(0).getName().equals(VALUE)) {
        return fields.get(0);
      }
      faults.add("option 'output' has the fields %s, not one 'value'".formatted(fields));
    } catch (IOException | RuntimeException e) {
      faults.add("option 'output' is not an Arrow schema in base64 (%s)".formatted(e));
    }
    return null;
  }

  /**
   * Checks the columns that it is called with.
   *
   * @return what is wrong, as the end of a sentence that begins with the function
   */
  public Optional<String> refusal(List<Field> columns) {
    if (columns.size() != inputs.size()) {
      return Optional.of(
          "takes %d arguments, %s, not %d"
              .formatted(inputs.size(), inputs.stream().map(Input::name).toList(), columns.size()));
    }
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      Input input = inputs.get(i);
      Field column = columns.get(i);
      if (!accepts(input.accepts(), column.getType())) {
        wrong.add(
            "'%s' takes %s, and column '%s' is of type %s"
                .formatted(input.name(), input.accepts(), column.getName(), column.getType()));
      }
    }
    return wrong.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", wrong));
  }

  private static boolean accepts(String kind, ArrowType type) {
    return switch (kind) {
      case "bool" -> type instanceof ArrowType.Bool;
      case "int" -> type instanceof ArrowType.Int;
      case "float" -> type instanceof ArrowType.FloatingPoint || type instanceof ArrowType.Int;
      case "str" -> type instanceof ArrowType.Utf8 || type instanceof ArrowType.LargeUtf8;
      case "bytes" ->
          type instanceof ArrowType.Binary
              || type instanceof ArrowType.LargeBinary
              || type instanceof ArrowType.FixedSizeBinary;
      case "datetime" -> type instanceof ArrowType.Timestamp;
      case "date" -> type instanceof ArrowType.Date;
      case "decimal" -> type instanceof ArrowType.Decimal;
      case "list" ->
          type instanceof ArrowType.List
              || type instanceof ArrowType.LargeList
              || type instanceof ArrowType.FixedSizeList;
      default -> true;
    };
  }

  /** What identifies what it computes, if its author gave no version. */
  public String fingerprint() {
    return options.getOrDefault("fingerprint", "");
  }

  /** Whether one instance may serve several threads of a worker. */
  boolean threadSafe() {
    return !options.getOrDefault("thread_safe", "true").equalsIgnoreCase("false");
  }

  /** Python's version as Spark compares it, such as {@code 3.11}. */
  public String minorVersion() {
    String[] parts = python.split("\\.", -1);
    return parts.length < 2 ? python : parts[0] + "." + parts[1];
  }
}
