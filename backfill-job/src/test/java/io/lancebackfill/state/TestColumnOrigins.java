package io.lancebackfill.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.state.ColumnOrigin.Part;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.roaringbitmap.RoaringBitmap;

class TestColumnOrigins {
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05.000006Z");

  @TempDir private Path folder;

  private TableState state() {
    return new TableState(DatasetRef.of(folder.resolve("t.lance").toString()));
  }

  private static RoaringBitmap rows(int... offsets) {
    return RoaringBitmap.bitmapOf(offsets);
  }

  private static Part part(String fingerprint, String inputs, int... computed) {
    return new Part(fingerprint, inputs, "", rows(computed), rows());
  }

  private static ColumnOrigin origin(DeletedRows deleted, Part... parts) {
    return new ColumnOrigin(
        "5",
        3,
        10,
        new StagedColumnFile("a.lance", List.of(5), List.of(0), 2, 1, 100, 10),
        "b.lance:[0]",
        List.of(parts),
        deleted,
        "job",
        7,
        AT);
  }

  @Test
  void readsWhatItWrote() {
    ColumnOrigin written =
        origin(new DeletedRows("4-99", rows(2, 3)), part("f", "i", 0, 1), part("g", "i", 4));
    ColumnOrigins origins = new ColumnOrigins(state());
    origins.append(List.of(written));
    assertThat(origins.byPath("5")).containsExactly(java.util.Map.entry("a.lance", written));
    assertThat(origins.byPath("6")).isEmpty();
  }

  @Test
  void partsOfOneSourceAreOneWithTheRowsOfAll() {
    ColumnOrigins origins = new ColumnOrigins(state());
    ColumnOrigin parted =
        origin(DeletedRows.NONE, part("f", "i", 0, 1), part("g", "i", 4), part("f", "i", 5));
    origins.append(List.of(parted));
    origins.append(List.of(parted));
    assertThat(origins.byPath("5").get("a.lance").parts())
        .containsExactly(part("f", "i", 0, 1, 5), part("g", "i", 4));
    assertThat(parted.withParts(parted.parts()).parts()).hasSize(2);
  }

  @Test
  void aRecordOfAnOlderBuildDoesNotSayWhatWasDeleted() {
    List<Column> columns =
        List.of(
            new Column("column_ids", Type.STRING),
            new Column("fragment_id", Type.INT),
            new Column("physical_rows", Type.LONG),
            new Column("path", Type.STRING),
            new Column("file_fields", Type.STRING),
            new Column("file_column_indices", Type.STRING),
            new Column("file_major_version", Type.INT),
            new Column("file_minor_version", Type.INT),
            new Column("bytes", Type.LONG),
            new Column("replaces", Type.STRING),
            new Column("function_fingerprint", Type.STRING),
            new Column("inputs", Type.STRING),
            new Column("generation", Type.STRING),
            new Column("computed", Type.BINARY),
            new Column("failed", Type.BINARY),
            new Column("job_id", Type.STRING),
            new Column("epoch", Type.LONG),
            new Column("at", Type.TIMESTAMP));
    new StateTable(state().columns(), columns)
        .append(
            List.of(
                List.of(
                    "5",
                    3,
                    10L,
                    "a.lance",
                    "[5]",
                    "[0]",
                    2,
                    1,
                    100L,
                    "",
                    "f",
                    "i",
                    "",
                    RowOffsets.toBytes(rows(0, 1)),
                    RowOffsets.toBytes(rows()),
                    "job",
                    7L,
                    AT.minusSeconds(1))));
    ColumnOrigins origins = new ColumnOrigins(state());
    ColumnOrigin old = origins.byPath("5").get("a.lance");
    assertThat(old.deleted()).isNull();
    assertThat(old.deletedRows().isEmpty()).isTrue();
    assertThat(old.explained()).isEqualTo(rows(0, 1));
    ColumnOrigin next = origin(new DeletedRows("1-2", rows(1)), part("f", "i", 0));
    origins.append(List.of(next));
    assertThat(origins.byPath("5").get("a.lance").deletedRows()).isEqualTo(rows(1));
  }

  @Test
  void aNewFileTakesOverWhatItDidNotMakeAndWasAlive() {
    ColumnOrigin before =
        origin(
            DeletedRows.NONE,
            part("f", "i", 0, 1, 2, 3),
            new Part("g", "i", "", rows(4, 5, 6), rows(5, 6)));
    Part made = new Part("g", "i", "", rows(2, 6), rows());
    assertThat(ColumnOrigin.onTop(Optional.of(before), made, rows(3)))
        .containsExactly(part("f", "i", 0, 1), new Part("g", "i", "", rows(2, 4, 5, 6), rows(5)));
    assertThat(ColumnOrigin.onTop(Optional.of(before), made, rows(0, 1, 3, 4, 5)))
        .containsExactly(made);
    assertThat(ColumnOrigin.onTop(Optional.empty(), made, rows(3))).containsExactly(made);
  }

  @Test
  void aPartIsDividedByRows() {
    Part part = new Part("f", "i", "g", rows(0, 1, 2, 3), rows(1, 2));
    assertThat(part.only(rows(2, 3, 9))).contains(new Part("f", "i", "g", rows(2, 3), rows(2)));
    assertThat(part.without(rows(2, 3, 9), "later"))
        .contains(new Part("f", "later", "g", rows(0, 1), rows(1)));
    assertThat(part.only(rows(9))).isEmpty();
    assertThat(part.without(rows(0, 1, 2, 3), "later")).isEmpty();
    assertThat(part.writtenBy()).isEmpty();
    assertThat(part.sameSource(new Part("f", "i", "g", rows(9), rows()))).isTrue();
    assertThat(part.sameSource(part("f", "i", 0))).isFalse();
  }

  @Test
  void theFilesOfAGroupAreOneIfTheyAre() {
    assertThat(ColumnOrigin.pathOf(new ColumnPlace("a", List.of(0)))).isEqualTo("a");
    assertThat(ColumnOrigin.pathOf(new ColumnPlace("a|a", List.of(0, 1)))).isEqualTo("a");
    assertThat(ColumnOrigin.pathOf(new ColumnPlace("a|b", List.of(0, 1)))).isEqualTo("a|b");
  }

  @Test
  void aFragmentWithoutAFileOfTheColumnHasNoRecordOfRows() {
    assertThat(ColumnOrigin.attached(HandMade.COMPUTED, HandMade.fragment(0, 5), List.of()))
        .isEmpty();
    ColumnOrigin attached =
        ColumnOrigin.attached(
                HandMade.COMPUTED,
                HandMade.fragment(4, 5, HandMade.file("x", 0, 1)),
                List.of(part("f", "i", 0), part("f", "i", 1)))
            .orElseThrow();
    assertThat(attached.file().path()).isEqualTo("x");
    assertThat(attached.file().columnIndices()).containsExactly(1);
    assertThat(attached.parts()).containsExactly(part("f", "i", 0, 1));
    assertThat(attached.epoch()).isZero();
  }
}
