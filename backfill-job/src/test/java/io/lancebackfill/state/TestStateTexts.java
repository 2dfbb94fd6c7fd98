package io.lancebackfill.state;

import static io.lancebackfill.HandMade.A;
import static io.lancebackfill.HandMade.V;
import static io.lancebackfill.HandMade.file;
import static io.lancebackfill.HandMade.fragment;
import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.roaringbitmap.RoaringBitmap;

/** The texts and bytes inside records: {@link InputPlaces}, {@link Json}, {@link RowOffsets}. */
class TestStateTexts {
  @Test
  void placesAreSortedAndSayWhereThereIsNone() {
    assertThat(InputPlaces.of(fragment(0, 5, file("x", 1, 0)), List.of(V, A)))
        .isEqualTo("{\"0\":\"x:[1]\",\"1\":\"x:[0]\"}");
    assertThat(InputPlaces.of(fragment(0, 5, file("x", 1)), List.of(A))).isEqualTo("{\"0\":\"\"}");
    assertThat(InputPlaces.of(fragment(0, 5), List.of())).isEqualTo("{}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x | x | ''",
        "x | y | a",
        "'' | y | a",
        "x | '' | a",
      })
  void saysWhichInputsStandElsewhere(String before, String now, String changed) {
    assertThat(
            InputPlaces.changed(
                Json.write(Map.of("0", before, "1", "same")),
                Json.write(Map.of("0", now, "1", "same")),
                List.of(A, V)))
        .isEqualTo(changed.isEmpty() ? List.of() : List.of(changed));
  }

  @Test
  void aPlaceGivesItsPathBack() {
    ColumnPlace place = new ColumnPlace("a:[b]:[1]+c.lance", List.of(3, 4));
    assertThat(InputPlaces.path(InputPlaces.text(place))).contains("a:[b]:[1]+c.lance");
    assertThat(InputPlaces.path("")).isEmpty();
    assertThat(InputPlaces.path("-")).isEmpty();
  }

  @Test
  void equalValuesAreEqualTexts() {
    assertThat(Json.write(new java.util.LinkedHashMap<>(Map.of("b", 1, "a", 2))))
        .isEqualTo("{\"a\":2,\"b\":1}");
    assertThat(Json.strings(Json.write(List.of("ä\"\n", "\uD83D\uDE00"))))
        .containsExactly("ä\"\n", "\uD83D\uDE00");
    assertThat(Json.stringMap("{\"k\":\"v\"}")).isEqualTo(Map.of("k", "v"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[1", "{\"a\":", "\"text\""})
  void whatIsNoJsonIsDamage(String text) {
    assertThatThrownBy(() -> Json.strings(text))
        .isInstanceOfSatisfying(
            BackfillException.class,
            e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.STATE_DAMAGED))
        .hasMessageContaining("no JSON of the expected form: " + text);
  }

  @Test
  void ofALongTextTheMessageHasTheBeginning() {
    assertThatThrownBy(() -> Json.strings("x".repeat(5000)))
        .hasMessageContaining("x".repeat(200) + ".")
        .hasMessageNotContaining("x".repeat(201));
  }

  @Test
  void offsetsComeBackAsTheyWere() {
    for (RoaringBitmap rows :
        List.of(rows(), rows(0), rows(Integer.MAX_VALUE), range(0, 100_000), rows(1, 70_000))) {
      assertThat(RowOffsets.fromBytes(RowOffsets.toBytes(rows))).isEqualTo(rows);
    }
    assertThat(RowOffsets.fromBytes(null)).isEqualTo(rows());
    assertThat(RowOffsets.toBytes(range(0, 1_000_000)).length).as("a run is short").isLessThan(500);
  }

  @Test
  void bytesThatAreNoOffsetsAreDamage() {
    byte[] whole = RowOffsets.toBytes(rows(1, 5, 70_000));
    for (byte[] bytes :
        List.of(new byte[0], new byte[] {1, 2, 3}, Arrays.copyOf(whole, whole.length - 1))) {
      assertThatThrownBy(() -> RowOffsets.fromBytes(bytes))
          .isInstanceOfSatisfying(
              BackfillException.class,
              e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.STATE_DAMAGED))
          .hasMessageContaining("A record holds " + bytes.length + " bytes that are no set");
    }
  }

  @Test
  void rangesEndBeforeTheirEnds() {
    assertThat(RowOffsets.first(0)).isEqualTo(rows());
    assertThat(RowOffsets.first(2)).isEqualTo(rows(0, 1));
    assertThat(RowOffsets.range(2, 2)).isEqualTo(rows());
    assertThat(RowOffsets.range(2, 4)).isEqualTo(rows(2, 3));
    assertThat(RowOffsets.complement(rows(), 0)).isEqualTo(rows());
    assertThat(RowOffsets.complement(rows(0, 2, 9), 4)).isEqualTo(rows(1, 3));
    assertThat(RowOffsets.first(Integer.MAX_VALUE).getLongCardinality())
        .isEqualTo(Integer.MAX_VALUE);
  }

  @Test
  void allStateIsInOneFolderOfTheTable() {
    TableState state = new TableState(DatasetRef.of("/data/t.lance"));
    assertThat(
            List.of(
                state.jobs().uri(),
                state.columns().uri(),
                state.functions().uri(),
                state.checkpoints("5_F").uri(),
                state.lease("5-6").uri()))
        .containsExactly(
            "/data/t.lance/_backfill/jobs.lance",
            "/data/t.lance/_backfill/columns.lance",
            "/data/t.lance/_backfill/functions.lance",
            "/data/t.lance/_backfill/checkpoints/5_F.lance",
            "/data/t.lance/_backfill/lease-5-6.lance");
  }
}
