package io.lancebackfill.secret;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestSecrets {
  /** Clusters and manifests go by the same words and forms. */
  @ParameterizedTest
  @CsvSource({
    "HUB, hf_abcdefghijklmnopqrstuv, true",
    "HUB, AKIAABCDEFGHIJKLMNOP, true",
    "HUB, https://user:pw@hub.example.com, true",
    "HUB, https://hub.example.com, false",
    "DBPASSWORD, x, true",
    "DB_PASSWORD, x, true",
    "MASTER_KEY, x, true",
    "TOKENIZERS_PARALLELISM, 'false', false",
    "GOOGLE_APPLICATION_CREDENTIALS, /etc/key.json, false",
    "AWS_CREDENTIALS, /etc/aws, false",
    "AWS_CREDENTIALS, abc, true"
  })
  void areKnownByNameOrByTheirLooks(String name, String value, boolean secret) {
    assertThat(Secrets.givenAway(name, value)).isEqualTo(secret);
  }

  @ParameterizedTest
  @CsvSource({
    "ghp_abcdefghijklmnopqrst, true",
    "sk-abcdefghijklmnopqrst, true",
    "risk-model, false"
  })
  void tokensAreWholeValues(String value, boolean secret) {
    assertThat(Secrets.holds(value)).isEqualTo(secret);
    assertThat(Secrets.holds("/models/" + value)).isFalse();
  }
}
