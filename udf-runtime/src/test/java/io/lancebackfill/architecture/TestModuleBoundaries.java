package io.lancebackfill.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class TestModuleBoundaries {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.lancebackfill");

  @Test
  void functionsKnowNothingOfTablesAndJobs() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "io.lancebackfill.udf..",
            "io.lancebackfill.exec..",
            "io.lancebackfill.fingerprint..",
            "io.lancebackfill.python..",
            "io.lancebackfill.expression..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.lance..", "com.lancedb..", "io.lancebackfill.datasource..")
        .check(CLASSES);
  }

  @Test
  void packagesDependOnEachOtherInOneDirection() {
    slices().matching("io.lancebackfill.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void packagesAreNamedByMeaning() {
    noClasses()
        .should()
        .resideInAnyPackage("..util..", "..utils..", "..common..", "..helper..", "..helpers..")
        .check(CLASSES);
  }
}
