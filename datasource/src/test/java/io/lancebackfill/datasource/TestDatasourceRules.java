package io.lancebackfill.datasource;

import static com.tngtech.archunit.base.DescribedPredicate.anyElementThat;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.properties.HasParameterTypes.Predicates.rawParameterTypes;
import static com.tngtech.archunit.core.domain.properties.HasReturnType.Predicates.rawReturnType;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noCodeUnits;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.lancebackfill", importOptions = DoNotIncludeTests.class)
class TestDatasourceRules {
  @ArchTest
  static final ArchRule knowsNoOtherModuleOfOurs =
      noClasses()
          .should()
          .dependOnClassesThat(
              resideInAPackage("io.lancebackfill..")
                  .and(resideOutsideOfPackage("io.lancebackfill.datasource..")))
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule showsNothingOfLance =
      noCodeUnits()
          .that()
          .arePublic()
          .and()
          .areDeclaredInClassesThat()
          .arePublic()
          .and()
          .areDeclaredInClassesThat()
          // Shared by the packages in here; TestProjectRules keeps the other modules off.
          .doNotHaveSimpleName("DatasetOpener")
          .and()
          .areDeclaredInClassesThat()
          .doNotHaveSimpleName("SnapshotReader")
          .and()
          .areDeclaredInClassesThat()
          .doNotHaveSimpleName("FieldIdentity")
          .and()
          .areDeclaredInClassesThat()
          // lance-spark's own factory methods come with its catalog.
          .doNotHaveSimpleName("LanceCatalog")
          .should(be(rawReturnType(resideInAPackage("org.lance.."))))
          .orShould(be(rawParameterTypes(anyElementThat(resideInAPackage("org.lance..")))))
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule hasNoCycles =
      slices()
          .matching("io.lancebackfill.datasource.(*)..")
          .should()
          .beFreeOfCycles()
          .allowEmptyShould(true);
}
