package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The fields that a table's manifest names, read from its file: the one place that tells their ids
 * where Lance's Java cannot. The file ends with the position of the manifest, a version and {@code
 * LANC}; there stands its length, then a protobuf message.
 */
final class ManifestFields {
  private static final String FOLDER = "_versions";
  private static final String MAGIC = "LANC";
  private static final int FOOTER = 16;

  // Numbers of protobuf fields, from Lance's table.proto and file.proto.
  private static final int MANIFEST_FIELDS = 1;
  private static final int FIELD_NAME = 2;
  private static final int FIELD_ID = 3;
  private static final int FIELD_PARENT_ID = 4;
  private static final int FIELD_LOGICAL_TYPE = 5;

  private static final int NO_PARENT = -1;

  private ManifestFields() {}

  /**
   * The top-level fields of a version.
   *
   * @throws DatasetException as classified
   */
  static List<FieldIdentity> read(DatasetRef table, long version) {
    ByteBuffer file = file(table, version);
    try {
      return fields(message(file));
    } catch (RuntimeException e) {
      throw new DatasetException(
          Kind.CORRUPT,
          table,
          "Cannot read the fields of version "
              + version
              + " of "
              + table.display()
              + " from its manifest: "
              + e
              + ". Restore that file, or use another version of the table.",
          e);
    }
  }

  private static ByteBuffer file(DatasetRef table, long version) {
    String counted = Long.toUnsignedString(-1L - version);
    String name = "0".repeat(20 - counted.length()) + counted + ".manifest";
    try {
      return StoredFile.read(table, FOLDER, name);
    } catch (DatasetException e) {
      if (isPassing(e)) {
        throw e;
      }
      try {
        // Tables of old have their versions' own numbers there.
        return StoredFile.read(table, FOLDER, version + ".manifest");
      } catch (DatasetException alsoNot) {
        if (isPassing(alsoNot)) {
          throw alsoNot;
        }
        e.addSuppressed(alsoNot);
        throw e;
      }
    }
  }

  /** Whether the failure says nothing of the file; some stores refuse what is not there. */
  private static boolean isPassing(DatasetException e) {
    return e.kind() == Kind.UNAVAILABLE || e.kind() == Kind.INTERRUPTED;
  }

  private static ByteBuffer message(ByteBuffer file) {
    ByteBuffer bytes = file.order(ByteOrder.LITTLE_ENDIAN);
    int end = bytes.limit();
    if (end < FOOTER || !text(bytes.slice(end - MAGIC.length(), MAGIC.length())).equals(MAGIC)) {
      throw new IllegalArgumentException("it does not end with " + MAGIC);
    }
    int position = Math.toIntExact(bytes.getLong(end - FOOTER));
    return bytes.slice(position + Integer.BYTES, bytes.getInt(position));
  }

  private static List<FieldIdentity> fields(ByteBuffer manifest) {
    List<ParsedField> top = new ArrayList<>();
    Map<Integer, ParsedField> byId = new HashMap<>();
    ProtobufMessage.read(
        manifest,
        (tag, number, bytes) -> {
          if (tag == MANIFEST_FIELDS) {
            ParsedField field = new ParsedField();
            ProtobufMessage.read(bytes, field);
            byId.put(field.id, field);
            // A parent stands before its children.
            (field.parent == NO_PARENT ? top : parent(byId, field).children).add(field);
          }
        });
    return top.stream().map(ParsedField::identity).toList();
  }

  private static ParsedField parent(Map<Integer, ParsedField> byId, ParsedField child) {
    ParsedField parent = byId.get(child.parent);
    if (parent == null) {
      throw new IllegalArgumentException("field " + child.id + " is below no field before it");
    }
    return parent;
  }

  private static String text(ByteBuffer bytes) {
    return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
  }

  /** Protobuf leaves out what is zero. */
  private static final class ParsedField implements ProtobufMessage.Visitor {
    private String name = "";
    private String logicalType = "";
    private int id;
    private int parent;
    private final List<ParsedField> children = new ArrayList<>();

    @Override
    public void field(int tag, long number, ByteBuffer bytes) {
      switch (tag) {
        case FIELD_NAME -> name = text(bytes);
        case FIELD_ID -> id = (int) number;
        case FIELD_PARENT_ID -> parent = (int) number;
        case FIELD_LOGICAL_TYPE -> logicalType = text(bytes);
        default -> {
          // Nothing that tells fields apart.
        }
      }
    }

    FieldIdentity identity() {
      return new FieldIdentity(
          id, name, logicalType, children.stream().map(ParsedField::identity).toList());
    }
  }
}
