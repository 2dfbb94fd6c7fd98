package io.lancebackfill;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.lancebackfill", importOptions = DoNotIncludeTests.class)
class TestK8sTemplatesRules {
  @ArchTest
  static final ArchRule knowsNeitherLanceNorOurOtherModules =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.lance..", "io.lancebackfill.datasource..", "io.lancebackfill.udf..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule hasNoCycles =
      slices().matching("io.lancebackfill.(*)..").should().beFreeOfCycles().allowEmptyShould(true);
}
