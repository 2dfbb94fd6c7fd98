package io.lancebackfill.expression;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestCanonicalSql {
  private static final List<String> COLUMNS =
      List.of("id", "Text", "date", "select", "a b", "info");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          ID+1                                        | id + 1
          `ID` /* the key */ + 1                      | id + 1
          upper( text )                               | upper(Text)
          UPPER(`text`)                               | upper(Text)
          `upper`(`Text`)                             | upper(Text)
          case when id<>1 then 'A b' else NULL end    | CASE WHEN id != 1 THEN 'A b' ELSE NULL END
          id == 1 and not (id in (1,2))               | id = 1 AND NOT (id IN (1, 2))
          `SELECT` + `a B`                            | `select` + `a b`
          info.Name                                   | info.Name
          INFO . `Title`                              | info.Title
          info.`Name`                                 | info.`Name`
          info.`a.b`                                  | info.`a.b`
          Info['k'][0]                                | info['k'][0]
          transform(arr, X->X+1)                      | transform(arr, X -> X + 1)
          cast( id as decimal( 10,2 ) )               | cast(id AS decimal(10, 2))
          struct( id as year,cast((id) as int) AS ID, 1 as `x` ) | struct(id AS year, cast((id) AS INT) AS ID, 1 AS `x`)
          1.5bd + 1e3 + 7l                            | 1.5BD + 1E3 + 7L
          left(text,(1))                              | left(Text, (1))
          DATE + date                                 | date + date
          date '2020-01-01' < date                    | DATE '2020-01-01' < date
          text like 'a!%' escape '!'                  | Text LIKE 'a!%' ESCAPE '!'
          from_json(text,'a INT, b string').a         | from_json(Text, 'a INT, b string').a
          - id * ( 2 )                                | - id * (2)
          """)
  void onTextForManyWaysOfWriting(String text, String canonical) {
    assertThat(new CanonicalSql(text, COLUMNS, false).text()).isEqualTo(canonical);
    assertThat(new CanonicalSql(canonical, COLUMNS, false).text()).isEqualTo(canonical);
  }

  @Test
  void commentsAndLinesDoNotCount() {
    String text =
        """
        id -- the key
          + /* and */ 1
        """;

    assertThat(new CanonicalSql(text, COLUMNS, false).text()).isEqualTo("id + 1");
  }

  @Test
  void columnsKeepTheirCaseInACaseSensitiveSession() {
    assertThat(new CanonicalSql("ID + id", COLUMNS, true).text()).isEqualTo("ID + id");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          date 'today'                    | DATE 'today'
          id > 1 AND timestamp' NOW'      | TIMESTAMP ' NOW'
          TIMESTAMP_NTZ 'yesterday UTC'   | TIMESTAMP_NTZ 'yesterday UTC'
          """)
  void findsLiteralsThatAreTheClock(String text, String literal) {
    assertThat(CanonicalSql.clockLiteral(text)).isEqualTo(literal);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {"date '2020-01-01'", "date 'epoch'", "Text = 'today'", "timestamp '2020-01-01 now'"})
  void otherLiteralsAreNotTheClock(String text) {
    assertThat(CanonicalSql.clockLiteral(text)).isNull();
  }
}
