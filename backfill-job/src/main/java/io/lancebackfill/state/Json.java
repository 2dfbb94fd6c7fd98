package io.lancebackfill.state;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.List;
import java.util.Map;

/** The JSON texts inside our records: sorted keys, so that equal values are equal texts. */
public final class Json {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);

  private Json() {}

  public static String write(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new BackfillException(
          BackfillErrorCode.INTERNAL_ERROR, "A record could not be written as JSON.", e);
    }
  }

  public static List<String> strings(String json) {
    return read(json, new TypeReference<List<String>>() {});
  }

  public static Map<String, String> stringMap(String json) {
    return read(json, new TypeReference<Map<String, String>>() {});
  }

  public static <T> T read(String json, TypeReference<T> type) {
    try {
      return MAPPER.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new BackfillException(
          BackfillErrorCode.STATE_DAMAGED,
          "A record holds text that is no JSON of the expected form: "
              + json.substring(0, Math.min(200, json.length()))
              + ". It was written by another tool or damaged. Run coverage to see what is affected.",
          e);
    }
  }
}
