package io.lancebackfill;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Who may use whom, in all modules: this one sees them all. */
@AnalyzeClasses(packages = "io.lancebackfill", importOptions = DoNotIncludeTests.class)
class TestProjectRules {
  /** Upper layers first; a layer may use those after it. */
  private static final List<List<String>> LAYERS =
      List.of(
          List.of("sql"),
          List.of("catalog"),
          List.of("procedure", "procedure.context"),
          List.of("call"),
          List.of("pipeline"),
          List.of("job"),
          List.of("clean"),
          List.of("report"),
          List.of("declare"),
          List.of("progress"),
          List.of("context"),
          List.of("table"),
          List.of("commit"),
          List.of("run"),
          List.of("compute"),
          List.of("task"),
          List.of("plan"),
          List.of("coverage"),
          List.of("failure"),
          List.of("environment"),
          List.of("state"),
          List.of("config", "error"));

  @ArchTest
  static void lowerLayersUseNoUpperOnes(JavaClasses classes) {
    List<String> upper = new ArrayList<>(List.of("io.lancebackfill"));
    for (List<String> layer : LAYERS) {
      String[] here = packages(layer);
      noClasses()
          .that()
          .resideInAnyPackage(here)
          .should()
          .dependOnClassesThat(resideInAnyPackage(upper.toArray(String[]::new)))
          .allowEmptyShould(true)
          .check(classes);
      upper.addAll(List.of(here));
    }
  }

  @ArchTest
  static void otherModulesUseNoLayerOfThisOne(JavaClasses classes) {
    String[] here = packages(LAYERS.stream().flatMap(List::stream).toList());
    noClasses()
        .that(not(resideInAnyPackage(here)).and(not(resideInAPackage("io.lancebackfill"))))
        .should()
        .dependOnClassesThat(resideInAnyPackage(here))
        .allowEmptyShould(true)
        .check(classes);
  }

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("io.lancebackfill.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule onlyTheDatasourceKnowsLance =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.lancebackfill.datasource..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("org.lance..")
                  .or(simpleName("DatasetOpener"))
                  .or(simpleName("SnapshotReader"))
                  .or(simpleName("FieldIdentity")));

  @ArchTest
  static final ArchRule packagesAreNamedByWhatTheyHold =
      noClasses()
          .should()
          .resideInAnyPackage(
              "..util..", "..utils..", "..common..", "..helper..", "..helpers..", "..misc..")
          .orShould()
          .haveNameMatching(".*(Utils?|Helpers?)(\\$.*)?");

  @ArchTest
  static final ArchRule theRootHoldsTheEntryPointsOnly =
      classes()
          .that()
          .resideInAPackage("io.lancebackfill")
          .should()
          .haveNameMatching(
              "io\\.lancebackfill\\.(BackfillMain|LanceBackfill|package-info)(\\$.*)?")
          .allowEmptyShould(true);

  /** What travels together is a type. Records name what they hold. */
  @ArchTest
  static final ArchRule parameterListsAreShort =
      codeUnits()
          .that()
          .areDeclaredInClassesThat()
          .areNotAssignableTo(Record.class)
          .and()
          .areDeclaredInClassesThat()
          .haveNameNotMatching(".*\\.ArrowRunner(\\$.*)?") // Spark's signatures
          .should(haveAtMost(7));

  private static ArchCondition<JavaCodeUnit> haveAtMost(int parameters) {
    return new ArchCondition<>("have at most " + parameters + " parameters") {
      @Override
      public void check(JavaCodeUnit unit, ConditionEvents events) {
        int found = unit.getRawParameterTypes().size();
        if (found > parameters && !unit.getName().startsWith("lambda$")) {
          events.add(
              SimpleConditionEvent.violated(
                  unit, unit.getFullName() + " has " + found + " parameters"));
        }
      }
    };
  }

  /** A room with more wants a second one. */
  @ArchTest
  static void packagesAreSmall(JavaClasses classes) {
    Map<String, Set<String>> files = new TreeMap<>();
    for (JavaClass type : classes) {
      if (isHere(type) && type.isTopLevelClass() && !type.getSimpleName().equals("package-info")) {
        files.computeIfAbsent(type.getPackageName(), p -> new TreeSet<>()).add(type.getName());
      }
    }
    assertThat(files)
        .allSatisfy((name, types) -> assertThat(types).as(name).hasSizeLessThanOrEqualTo(16));
  }

  /** A package that no layer names could use whatever it likes. */
  @ArchTest
  static void everyPackageHasItsLayer(JavaClasses classes) {
    List<String> named = LAYERS.stream().flatMap(List::stream).toList();
    assertThat(
            classes.stream()
                .filter(TestProjectRules::isHere)
                .map(type -> type.getPackageName().replaceFirst("^io\\.lancebackfill\\.?", ""))
                .filter(name -> !name.isEmpty()))
        .isSubsetOf(named);
  }

  private static boolean isHere(JavaClass type) {
    return type.getSource().orElseThrow().getUri().toString().contains("/backfill-job/");
  }

  private static String[] packages(List<String> layers) {
    return layers.stream().map(layer -> "io.lancebackfill." + layer + "..").toArray(String[]::new);
  }
}
