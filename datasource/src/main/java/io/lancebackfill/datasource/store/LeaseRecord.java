package io.lancebackfill.datasource.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lancebackfill.datasource.table.DatasetRef;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the config key of a lease holds.
 *
 * @param holder null if nobody holds it
 * @param epoch of the last holder
 * @param beat grows with every renewal, so that a challenger sees that the holder lives
 * @param note what the last holder left to be known; empty while somebody holds the lease
 */
record LeaseRecord(@Nullable LeaseHolder holder, long epoch, long beat, String note) {
  private static final ObjectMapper JSON = new ObjectMapper();

  LeaseRecord(@Nullable LeaseHolder holder, long epoch, long beat) {
    this(holder, epoch, beat, "");
  }

  static LeaseRecord free(long epoch) {
    return free(epoch, "");
  }

  static LeaseRecord free(long epoch, String note) {
    return new LeaseRecord(null, epoch, 0, note);
  }

  LeaseRecord next() {
    return new LeaseRecord(holder, epoch, beat + 1);
  }

  Optional<LeaseHolder> heldBy() {
    return Optional.ofNullable(holder);
  }

  String json() {
    ObjectNode node = JSON.createObjectNode().put("epoch", epoch).put("beat", beat);
    if (!note.isEmpty()) {
      node.put("note", note);
    }
    if (holder != null) {
      node.put("driver", holder.driver())
          .put("host", holder.host())
          .put("pid", holder.pid())
          .put("processStart", holder.processStart())
          .put("jobId", holder.jobId())
          .put("since", holder.since());
    }
    return node.toString();
  }

  static LeaseRecord parse(DatasetRef ref, @Nullable String json) {
    if (json == null || json.isEmpty()) {
      return free(0);
    }
    JsonNode node;
    try {
      node = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw LocalPaths.corrupt(ref, "its lease is not JSON", e);
    }
    long epoch = node.path("epoch").asLong();
    if (!node.hasNonNull("driver")) {
      return free(epoch, node.path("note").asText());
    }
    LeaseHolder holder =
        new LeaseHolder(
            node.path("driver").asText(),
            epoch,
            node.path("host").asText(),
            node.path("pid").asLong(),
            node.path("processStart").asText(),
            node.path("jobId").asText(),
            node.path("since").asText());
    return new LeaseRecord(holder, epoch, node.path("beat").asLong());
  }
}
