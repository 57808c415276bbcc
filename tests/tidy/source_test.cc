// The scanner itself: a rule is worth what its reading of the code is worth.
#include "tests/tidy/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace watchword::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> heads(std::string_view code) {
  std::vector<std::string> found;
  for (const auto& function : functions_of(code)) found.push_back(function.head);
  return found;
}

std::vector<size_t> lengths(std::string_view code) {
  std::vector<size_t> found;
  for (const auto& function : functions_of(code)) found.push_back(function.lines);
  return found;
}

TEST(Scanner, CountsAFunctionFromItsHeadToItsClosingBrace) {
  EXPECT_THAT(lengths("int f() { return 1; }\n"), ElementsAre(1));
  EXPECT_THAT(lengths("int f(int a,\n      int b) {\n  return a;\n}\n"), ElementsAre(4));
  EXPECT_EQ(functions_of("\n\nint f() {\n}\n")[0].line, 3u);
}

TEST(Scanner, FindsFunctionsInNamespacesAndClasses) {
  EXPECT_THAT(heads("namespace a {\nclass B : public C {\n public:\n  int f() const { return 1; }\n"
                    " private:\n  void g() override {\n  }\n  int x_ = 0;\n};\nint h() {\n}\n}\n"),
              ElementsAre("int f() const { return 1; }", "void g() override {", "int h() {"));
}

TEST(Scanner, FindsTestsTemplatesAndOperators) {
  EXPECT_THAT(heads("TEST(A, B) {\n}\n"), ElementsAre("TEST(A, B) {"));
  EXPECT_THAT(lengths("template <class T, class = std::vector<T>>\nT f(T x) {\n  return x;\n}\n"), ElementsAre(4));
  EXPECT_THAT(lengths("bool operator()(int a) const {\n  return a;\n}\n"), ElementsAre(3));
  EXPECT_THAT(lengths("auto f = [](int a) {\n  return a;\n}(1);\n"), ElementsAre(3));
  EXPECT_THAT(lengths("const auto f = [](int a) {\n  return a;\n};\n"), ElementsAre(3));
}

TEST(Scanner, ReadsAConstructorWithItsInitialisersAsOneFunction) {
  EXPECT_THAT(lengths("A::A(int b)\n    : b_{b}, c_(b),\n      d_{1} {\n  run();\n}\n"), ElementsAre(5));
}

TEST(Scanner, TakesNoTableTypeOrDeclarationForAFunction) {
  EXPECT_THAT(heads("inline constexpr std::array kRoutes{\n    Route{1, 2},\n};\n"), IsEmpty());
  EXPECT_THAT(heads("const Map<int(int)> kMap{\n  {1, 2},\n};\n"), IsEmpty());
  EXPECT_THAT(heads("enum class A : int { b, c };\nstruct D { int e = f(1); };\nint g(int);\n"), IsEmpty());
  EXPECT_THAT(heads("template <class T>\nstruct A {\n  T b;\n};\n"), IsEmpty());
}

TEST(Scanner, IsNotFooledByBracesInTextCommentsAndMacros) {
  EXPECT_THAT(lengths("int f() {  // }\n  auto s = \"}\\\"}\";\n  char c = '}';\n  /* }\n  */\n}\n"), ElementsAre(6));
  EXPECT_THAT(lengths("int f() {\n  auto s = R\"x(}\n)\" })x\";\n}\n"), ElementsAre(4));
  EXPECT_THAT(lengths("#define M(x) { \\\n  }}\nint f() {\n  return 1'000;\n}\n"), ElementsAre(3));
}

TEST(Scanner, CountsWhatIsNestedToItsFunction) {
  EXPECT_THAT(lengths("void f() {\n  if (a) {\n    auto g = [&](int b) {\n    };\n  }\n}\n"), ElementsAre(6));
}

TEST(Scanner, BlanksWithoutMovingLines) {
  const std::string code = "a // b\n\"c\"\n#if X\n/* d\n e */ f\n";
  EXPECT_EQ(blank_out(code).size(), code.size());
  EXPECT_EQ(lines_of(blank_out(code)).size(), lines_of(code).size());
  EXPECT_EQ(trim(lines_of(blank_out(code))[4]), "f");
}

TEST(Scanner, ReadsIncludes) {
  const auto found = includes_of("#pragma once\n#include <map>\n # include \"a/b.h\"  // why\n// #include <c>\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].angle);
  EXPECT_EQ(found[1].path, "a/b.h");
  EXPECT_EQ(found[1].line, 3u);
}

TEST(Tree, HasThisFileAndNoBuiltOne) {
  EXPECT_NE(find_file("tests/tidy/source_test.cc"), nullptr);
  EXPECT_EQ(find_file("tests/tidy/none.cc"), nullptr);
  for (const auto& file : tree()) EXPECT_FALSE(file.path.starts_with("build/")) << file.path;
}

}  // namespace
}  // namespace watchword::tidy
