// SPDX-License-Identifier: Apache-2.0
// Each rule is shown a text that breaks it and one that does not.
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

namespace headrace::tidy {
namespace {

SourceFile file(std::string path, std::string text) { return {std::move(path), std::move(text)}; }

std::string include(const std::string& target) { return "#include \"" + target + "\"\n"; }

TEST(SourceTextTest, BlankingKeepsLinesAndRemovesCommentsAndLiterals) {
  const std::string code =
      "a = \"x // y\"; // z\n/* b\nc */ d('\\'', 1'000);\ne = R\"q(exit()\")q\";\n";
  EXPECT_EQ(lines_of(blank_comments(code, true)).size(), lines_of(code).size());
  EXPECT_EQ(blank_comments("a = \"x\"; // z", true), "a =    ;     ");
  EXPECT_EQ(blank_comments("a = \"x\"; // z", false), "a = \"x\";     ");
  EXPECT_EQ(blank_comments("f('\\'', 1'000)", true), "f(    , 1'000)");
  EXPECT_EQ(blank_comments("R\"q(a)\" b)q\" c", true), "R            c");
}

TEST(ArrowsTest, AFolderIncludesOnlyWhatItsArrowsReach) {
  EXPECT_EQ(check_arrows(file("core/a.h", include("core/b.h") + include("headrace/id.h"))),
            Complaints{});
  EXPECT_EQ(check_arrows(file("api/a.cc", include("selector/b.h") + include("store/b.h"))),
            Complaints{});
  EXPECT_EQ(check_arrows(file("core/a.h", include("store/b.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("include/headrace/a.h", include("core/b.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("engine/a.h", include("api/b.h"))).size(), 1u);
}

TEST(ArrowsTest, SiblingsNeverSeeEachOther) {
  EXPECT_EQ(check_arrows(file("ingest/a.cc", include("dispatch/b.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("dispatch/a.cc", include("ingest/b.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("selector/a.cc", include("store/b.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("store/a.cc", include("selector/b.h"))).size(), 1u);
}

TEST(ArrowsTest, NothingIncludesToolsTestsOrBench) {
  for (const char* target : {"tools/a.h", "tests/a.h", "bench/a.h"}) {
    EXPECT_EQ(check_arrows(file("api/a.cc", include(target))).size(), 1u) << target;
  }
  EXPECT_EQ(check_arrows(file("tests/core/a_test.cc", include("tools/a.h"))).size(), 1u);
  EXPECT_EQ(check_arrows(file("tests/core/a_test.cc", include("tests/support/a.h"))), Complaints{});
  for (const char* target : {"tools/a.h", "tests/tools/a.h", "api/a.h"}) {
    EXPECT_EQ(check_arrows(file("tests/tools/a_test.cc", include(target))), Complaints{});
    EXPECT_EQ(check_arrows(file("tests/fuzz/a.cc", include(target))), Complaints{});
  }
}

TEST(ArrowsTest, AnIncludeInACommentIsNotOne) {
  EXPECT_EQ(check_arrows(file("core/a.h", "// " + include("store/b.h"))), Complaints{});
}

TEST(PublicHeaderTest, SeesTheStandardLibraryAndItsSiblingsOnly) {
  const std::string path = "include/headrace/a.h";
  EXPECT_EQ(check_public_header(
                file(path, "#include <string>\n#include <stdint.h>\n" + include("headrace/id.h"))),
            Complaints{});
  EXPECT_EQ(check_public_header(file(path, "#include <uv.h>\n")).size(), 1u);
  EXPECT_EQ(check_public_header(file(path, "#include <sys/socket.h>\n")).size(), 1u);
  EXPECT_EQ(check_public_header(file(path, include("core/check.h"))).size(), 1u);
}

TEST(LicenceLineTest, IsOneLineAtTheTop) {
  const std::string line = "SPDX-License-Identifier: Apache-2.0\n";
  EXPECT_EQ(check_licence_line(file("core/a.cc", "// " + line + "int a;\n")), Complaints{});
  EXPECT_EQ(check_licence_line(file("tools/a", "#!/bin/sh\n# " + line)), Complaints{});
  EXPECT_EQ(check_licence_line(file("core/a.cc", "int a;\n")).size(), 1u);
  EXPECT_EQ(check_licence_line(file("core/a.cc", "int a;\nint b;\n// " + line)).size(), 1u);
  EXPECT_EQ(check_licence_line(file("core/CMakeLists.txt", "# " + line + "# " + line)).size(), 1u);
  EXPECT_EQ(check_licence_line(file("tests/a.mjs", "1;\n")).size(), 1u);
  EXPECT_EQ(check_licence_line(file("docs/a.md", "text\n")), Complaints{});
  EXPECT_EQ(check_licence_line(file("tools/vendored/a/a.min.js", "1;\n")), Complaints{});
}

TEST(SizeTest, HeadersAndSourcesHaveARatchet) {
  const auto lines = [](std::size_t count) { return std::string(count, '\n'); };
  EXPECT_EQ(check_size(file("core/a.h", lines(330))), Complaints{});
  EXPECT_EQ(check_size(file("core/a.h", lines(331))).size(), 1u);
  EXPECT_EQ(check_size(file("core/a.cc", lines(600))), Complaints{});
  EXPECT_EQ(check_size(file("core/a.cc", lines(601))).size(), 1u);
  EXPECT_EQ(check_size(file("tests/a.mjs", lines(601))).size(), 1u);
  EXPECT_EQ(check_size(file("docs/a.md", lines(5000))), Complaints{});
}

TEST(BannedCallsTest, TheEngineNeitherPrintsNorEndsNorSleeps) {
  for (const char* code :
       {"void f() { printf(\"\"); }", "void f() { std::fprintf(stderr, \"\"); }",
        "void f() { ::abort(); }", "void f() { std::exit(1); }", "int f() { return system(\"\"); }",
        "void f() { sleep(1); }", "void f() { std::this_thread::sleep_for(s); }",
        "void f() { usleep (1); }", "int f() { return std::rand(); }",
        "void f() { gettimeofday(&t, nullptr); }", "auto t = std::time(nullptr);",
        "auto t = time(0);", "void f() { strcpy(a, b); }", "void f() { std::sprintf(a, b); }",
        "void f() { std::cout << 1; }", "void f() { std :: cerr << 1; }"}) {
    EXPECT_EQ(check_banned_calls(file("core/a.cc", code)).size(), 1u) << code;
    EXPECT_EQ(check_banned_calls(file("tools/a.cc", code)), Complaints{}) << code;
  }
}

TEST(BannedCallsTest, NamesThatOnlyLookAlikeAreFree) {
  for (const char* code : {"loop.exit();", "timer->sleep(1);", "// printf(1)\n",
                           "auto s = \"abort()\";", "void exit();", "Clock::time(1);",
                           "int runtime(int);", "snprintf(a, 1, b);", "system_clock(1);"}) {
    EXPECT_EQ(check_banned_calls(file("core/a.cc", code)), Complaints{}) << code;
  }
}

TEST(BannedCallsTest, OnlyTheTwoFilesOfBrokenInvariantsMayAbort) {
  const std::string code = "void f() { std::abort(); }";
  EXPECT_EQ(check_banned_calls(file("core/check.cc", code)), Complaints{});
  EXPECT_EQ(check_banned_calls(file("include/headrace/result.h", code)), Complaints{});
  EXPECT_EQ(check_banned_calls(file("include/headrace/id.h", code)).size(), 1u);
}

TEST(BannedCallsTest, TestsMayPrintButNotSleepNorRollDice) {
  EXPECT_EQ(check_banned_calls(file("tests/core/a_test.cc", "void f() { printf(\"\"); }")),
            Complaints{});
  EXPECT_EQ(check_banned_calls(file("tests/core/a_test.cc", "void f() { usleep(1); }")).size(), 1u);
  EXPECT_EQ(check_banned_calls(file("bench/a.cc", "void f() { std::this_thread::sleep_for(1s); }"))
                .size(),
            1u);
  EXPECT_EQ(check_banned_calls(file("tests/core/a_test.cc", "int a = rand();")).size(), 1u);
}

TEST(RocksDbTest, IsKnownToStoreItsTestsAndItsBenchAlone) {
  const std::string code = "#include <rocksdb/db.h>\nrocksdb::DB* db;\n";
  for (const char* path : {"store/a.cc", "tests/store/a_test.cc", "bench/store_bench.cc"}) {
    EXPECT_EQ(check_rocksdb(file(path, code)), Complaints{}) << path;
  }
  EXPECT_EQ(check_rocksdb(file("engine/a.cc", code)).size(), 2u);
  EXPECT_EQ(check_rocksdb(file("engine/a.cc", "// rocksdb::DB\n")), Complaints{});
}

TEST(TextTest, HoldsNoPathOfOneMachine) {
  const std::string slash = "/";
  EXPECT_EQ(check_text(file("a.md", "see " + slash + "work/main\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.md", slash + "farm/x\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.md", "a/work/b ./work/c frame" + slash + "work/d\n")), Complaints{});
}

TEST(TextTest, HoldsNoAddressOfAPackage) {
  const std::string scheme = "https:";
  EXPECT_EQ(check_text(file("a.json", std::string("\"resol") + "ved\": \"x\"\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.md", scheme + "//registry.example/x\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.md", scheme + "//example.com/x-1.0.tgz\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.md", scheme + "//example.com/x\n")), Complaints{});
}

TEST(TextTest, HoldsNoNoteOfWorkThatIsLeft) {
  EXPECT_EQ(check_text(file("a.cc", std::string("// TO") + "DO: x\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.cc", std::string("// FIX") + "ME\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.cc", std::string("// X") + "XX\n")).size(), 1u);
  EXPECT_EQ(check_text(file("a.cc", "mkdtemp(\"a.XXXXXX\")\n")), Complaints{});
}

TEST(EverythingIsBuiltTest, ASourceThatNoListNamesIsFound) {
  const SourceFile list =
      file("tests/core/CMakeLists.txt", "headrace_test(a SOURCES a_test.cc) # c_test.cc\n");
  EXPECT_EQ(check_everything_is_built({list, file("tests/core/a_test.cc", "")}), Complaints{});
  EXPECT_EQ(check_everything_is_built({list, file("tests/core/b_test.cc", "")}).size(), 1u);
  EXPECT_EQ(check_everything_is_built({list, file("tests/core/c_test.cc", "")}).size(), 1u);
  EXPECT_EQ(check_everything_is_built({list, file("tests/core/test.cc", "")}).size(), 1u);
  EXPECT_EQ(check_everything_is_built({list, file("tests/store/a_test.cc", "")}).size(), 1u);
  EXPECT_EQ(check_everything_is_built({list, file("tests/core/d.test.mjs", "")}).size(), 1u);
}

TEST(EverythingIsBuiltTest, AFuzzTargetOrBenchThatIsNotRegisteredIsFound) {
  const Files lists = {file("tests/fuzz/CMakeLists.txt", "headrace_fuzz(fuzz_a LINK x)\n"),
                       file("bench/CMakeLists.txt", "headrace_bench(bench_a LINK x)\n")};
  const auto with = [&](const std::string& path) {
    Files files = lists;
    files.push_back(file(path, ""));
    return check_everything_is_built(files).size();
  };
  EXPECT_EQ(with("tests/fuzz/fuzz_a.cc"), 0u);
  EXPECT_EQ(with("tests/fuzz/fuzz.cc"), 1u);
  EXPECT_EQ(with("tests/fuzz/plain_main.cc"), 0u);
  EXPECT_EQ(with("bench/bench_a.cc"), 0u);
  EXPECT_EQ(with("bench/bench_b.cc"), 1u);
}

TEST(NpmListTest, TheListAndThePackageFileAgree) {
  const SourceFile package =
      file("tests/package.json", R"({"devDependencies": {"@a/b": "1.2.3"}})");
  EXPECT_EQ(
      check_npm_list({package, file("tools/packages.txt", "[debian]\ng++\n[npm]\n@a/b@1.2.3\n")}),
      Complaints{});
  EXPECT_EQ(check_npm_list({package, file("tools/packages.txt", "[npm]\n@a/b@1.2.4\n")}).size(),
            1u);
  EXPECT_EQ(check_npm_list({package}).size(), 1u);
}

}  // namespace
}  // namespace headrace::tidy
