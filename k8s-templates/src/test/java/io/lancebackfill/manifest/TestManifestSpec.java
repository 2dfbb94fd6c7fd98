package io.lancebackfill.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.secret.SecretKey;
import io.lancebackfill.secret.Secrets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TestManifestSpec {
  private static final String CANARY = "canary-5f2a9c";

  private static final String JSON =
      """
      {"name": "dev", "pip": ["torch>=2,<3", "numpy==1.26.4"], "requirements": "requirements.txt",
       "py_modules": ["src/features", "helpers.py"], "paths": [".", "../shared"],
       "env_vars": {"OMP_NUM_THREADS": 1, "MODE": "fast"},
       "secret_env_vars": {"HF_TOKEN": "hugging-face/token",
                           "DB_PASSWORD": {"secret": "db", "key": "password"}},
       "image": "registry.example.com:5000/team/spark:3.5.5", "skip_site_packages": true,
       "python": "3.10", "platform": "amd64"}
      """;

  private static final String YAML =
      """
      # the same
      platform: x86_64
      python: 3.10
      skip_site_packages: true
      image: registry.example.com:5000/team/spark:3.5.5
      env_vars: {MODE: fast, OMP_NUM_THREADS: 1}
      secret_env_vars:
        DB_PASSWORD: db/password
        HF_TOKEN: hugging-face/token
      paths: ['.', ../shared]
      py_modules: [src/features, helpers.py]
      requirements: requirements.txt
      pip:
        - numpy==1.26.4
        - torch>=2,<3
      name: dev
      """;

  @Test
  void jsonAndYamlOfOneManifestAreEqual() {
    ManifestSpec json = ManifestSpec.parse(JSON);
    assertThat(json.toJson())
        .isEqualTo(ManifestSpec.parse(YAML).toJson())
        .isEqualTo(ManifestSpec.parse(json.toJson()).toJson());
    assertThat(json.target().python()).isEqualTo("3.10");
    assertThat(json.env().vars()).containsEntry("OMP_NUM_THREADS", "1");
    assertThat(json.env().secretVars())
        .containsEntry("HF_TOKEN", new SecretKey("hugging-face", "token"));
    assertThat(json.toJson())
        .isEqualTo(
            "{\"env_vars\":{\"MODE\":\"fast\",\"OMP_NUM_THREADS\":\"1\"},\"format\":1,"
                + "\"image\":\"registry.example.com:5000/team/spark:3.5.5\",\"name\":\"dev\","
                + "\"paths\":[\".\",\"../shared\"],\"pip\":[\"numpy==1.26.4\",\"torch>=2,<3\"],"
                + "\"platform\":\"x86_64\",\"py_modules\":[\"src/features\",\"helpers.py\"],"
                + "\"python\":\"3.10\",\"requirements\":\"requirements.txt\",\"secret_env_vars\":"
                + "{\"DB_PASSWORD\":\"db/password\",\"HF_TOKEN\":\"hugging-face/token\"},"
                + "\"skip_site_packages\":true}");
  }

  @Test
  void theHashIsOfTheContentAndNotOfTheName() {
    ManifestSpec spec = ManifestSpec.parse(JSON);
    assertThat(spec.hash())
        .matches("[0-9a-f]{64}")
        .isEqualTo(ManifestSpec.parse(YAML.replace("name: dev", "name: other")).hash())
        .isNotEqualTo(ManifestSpec.parse(YAML.replace("3.10", "3.11")).hash())
        .isNotEqualTo(ManifestSpec.parse(YAML.replace("fast", "slow")).hash());
  }

  @Test
  void theBuilderGivesTheSameManifest() {
    ManifestSpec built =
        ManifestSpec.builder("dev")
            .pip("torch>=2,<3", "numpy==1.26.4")
            .requirements("requirements.txt")
            .pyModules("src/features", "helpers.py")
            .paths(".", "../shared")
            .envVar("MODE", "fast")
            .envVar("OMP_NUM_THREADS", "1")
            .secretEnvVar("HF_TOKEN", "hugging-face", "token")
            .secretEnvVar("DB_PASSWORD", "db", "password")
            .image("registry.example.com:5000/team/spark:3.5.5")
            .skipSitePackages(true)
            .python("3.10")
            .platform("x86_64")
            .build();
    assertThat(built).isEqualTo(ManifestSpec.parse(JSON));
    assertThat(ManifestSpec.builder("empty").build().target())
        .isEqualTo(new ManifestSpec.Target(null, null, Platform.here()));
  }

  @Test
  void everyFaultOfADocumentIsReportedWithItsPlace() {
    ManifestException refused =
        catchThrowableOfType(
            ManifestException.class,
            () ->
                ManifestSpec.parse(
                    """
                    name: "no name"
                    pip: [numpy, "--index-url https://u:%1$s@host/simple", NumPy>1, "a b"]
                    requirements: s3://bucket/requirements.txt
                    py_modules: [., my-module, x.whl, a/same, b/same.py]
                    paths: [src, ./src, ""]

                    env_vars: {AWS_SECRET_ACCESS_KEY: %1$s, URL: "https://u:%1$s@host", OK: true,
                               PYTHONPATH: x, 1X: y, BOTH: z}
                    secret_env_vars: {BOTH: s/k, BAD: "%1$s", WORSE: "%1$s=/+", A: {secret: s}}
                    image: "no image"
                    python: 2.7
                    platform: pdp11
                    skip_site_packages: 1
                    pips: [x]
                    format: 2
                    """
                        .formatted(CANARY)));
    assertThat(refused.code()).isEqualTo("MANIFEST_INVALID");
    assertThat(refused.faults())
        .extracting(ManifestFault::place)
        .containsExactlyInAnyOrder(
            "name",
            "pip[1]",
            "pip[2]",
            "pip[3]",
            "requirements",
            "py_modules[0]",
            "py_modules[1]",
            "py_modules[2]",
            "py_modules[4]",
            "paths[1]",
            "paths[2]",
            "env_vars.AWS_SECRET_ACCESS_KEY",
            "env_vars.URL",
            "env_vars.OK",
            "env_vars.PYTHONPATH",
            "env_vars.1X",
            "env_vars.BOTH",
            "secret_env_vars.BAD",
            "secret_env_vars.WORSE",
            "secret_env_vars.WORSE",
            "secret_env_vars.A",
            "image",
            "python",
            "platform",
            "skip_site_packages",
            "pips",
            "format");
    assertThat(refused)
        .hasMessageNotContaining(CANARY)
        .message()
        .contains("[MANIFEST_INVALID] env_vars.AWS_SECRET_ACCESS_KEY: looks like a secret")
        .contains("secret_env_vars: {AWS_SECRET_ACCESS_KEY: SECRET/KEY}");
  }

  @ParameterizedTest
  @CsvSource({
    "HF_TOKEN, true",
    "AWS_ACCESS_KEY_ID, true",
    "OPENAI_API_KEY, true",
    "myApiKey, true",
    "DB_PASSWORD, true",
    "DB_PWD, true",
    "AZURE_STORAGE_ACCOUNT_KEY, true",
    "CLIENT_SECRETS, true",
    "TOKENIZERS_PARALLELISM, false",
    "MAX_TOKENS, false",
    "MAX_TOKEN_LENGTH, false",
    "TOKEN_FILE, false",
    "GOOGLE_APPLICATION_CREDENTIALS, false",
    "SORT_KEY, false",
    "MONKEY, false",
    "AUTHOR, false",
    "PWD, false"
  })
  void aVariableIsTakenForASecretByItsWords(String name, boolean secret) {
    assertThat(Secrets.names(name)).isEqualTo(secret);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "numpy",
        "numpy == 1.26.4",
        "torch>=2,<3",
        "torch (>=2)",
        "scikit_learn~=1.4",
        "uvicorn[standard]>=0.20",
        "a==1!2.0+cpu",
        "tomli>=1; python_version < '3.11'",
        "mine @ file:///wheels/mine-1.0-py3-none-any.whl",
        "git-one @ git+https://git@host.example/one.git"
      })
  void requirementsOfPep508AreTaken(String requirement) {
    assertThat(ManifestSpec.builder("m").pip(requirement).build().packages().pip())
        .containsExactly(requirement);
  }

  @Test
  void aRequirementHasANormalisedNameAndAPin() {
    assertThat(Requirement.parse("Scikit_Learn== 1.4.0"))
        .isEqualTo(new Requirement("scikit-learn", "1.4.0", false));
    assertThat(Requirement.parse("a==1.*").pinned()).isNull();
    assertThat(Requirement.parse("a>=1").pinned()).isNull();
    // Each is for other workers.
    assertThat(
            ManifestSpec.builder("m")
                .pip("a==1; python_version < '3.11'", "a==2; python_version >= '3.11'")
                .build()
                .packages()
                .pip())
        .hasSize(2);
  }

  @Test
  void faultsOfSyntaxHaveALineAndNoContent() {
    assertThatThrownBy(
            () -> ManifestSpec.parse("{\"name\": \"m\",\n \"env_vars\": " + CANARY + "}"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("line 2")
        .hasMessageContaining("no JSON");
    assertThatThrownBy(() -> ManifestSpec.parse("{\"name\": \"m\", \"pip\": [], \"pip\": []}"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("Duplicate field 'pip'");
    assertThatThrownBy(() -> ManifestSpec.parse("name: m\npip: [a\nb: ]"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("no YAML");
    assertThatThrownBy(() -> ManifestSpec.parse("- a"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("document: is no object");
    assertThatThrownBy(() -> ManifestSpec.parse(""))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("document: is no object");
    assertThatThrownBy(() -> ManifestSpec.parse("pip: [a]"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("name: is missing");
  }

  @Test
  void listsHoldTextsAlone() {
    assertThatThrownBy(() -> ManifestSpec.parse("name: m\npip: numpy"))
        .isInstanceOf(ManifestException.class)
        .hasMessage(
            "[MANIFEST_INVALID] pip: must be a list of texts, and is a text. Write it as a list.");
    assertThatThrownBy(() -> ManifestSpec.parse("name: m\npip: [7, a b]\npaths: [true, [x]]"))
        .isInstanceOf(ManifestException.class)
        .hasMessage(
            """
            [MANIFEST_INVALID] pip[0]: must be a text, and is a number. Put it in quotes.
            [MANIFEST_INVALID] paths[0]: must be a text, and is true or false. Put it in quotes.
            [MANIFEST_INVALID] paths[1]: must be a text, and is a list. Put it in quotes.""");
  }
}
