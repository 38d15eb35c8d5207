// SPDX-License-Identifier: Apache-2.0
// Secrets of a whole engine on a real directory: what a start does with the master key, and where
// in the process's memory a secret lies.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/engine/engine_rig.h"
#include "tests/support/sanitized.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

class EngineSecretsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "headrace-secrets-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path data() const { return root_ / "data"; }
  EngineConfig config() const { return test::small_engine(data()); }
  ErrorCode fault(Dependencies dependencies = {}) const {
    const auto engine = Engine::open(config(), std::move(dependencies));
    if (!engine) what_ = engine.error().what;
    return engine ? ErrorCode::kUnsupported : engine.error().code;
  }
  bool is_on_disk(std::string_view text) const {
    for (const auto& entry : fs::recursive_directory_iterator(data())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }

  fs::path root_;
  mutable std::string what_;
};

TEST_F(EngineSecretsTest, TheFirstStartMakesAKeyAndLaterOnesOpenWithIt) {
  std::string secret;
  EndpointId id;
  {
    const auto engine = test::open(config());
    test::register_app(*engine);
    id = test::register_product(*engine, "shop", "http://127.0.0.1:9/").id;
    secret = test::home(*engine).signing_secret(id)->secret;
    ASSERT_TRUE(test::home(*engine).put_secret("KEY", "a value to be kept"));
  }
  struct stat status {};
  ASSERT_EQ(::stat((data() / "master.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_FALSE(is_on_disk("a value to be kept"));
  EXPECT_FALSE(is_on_disk(secret.substr(6)));
  const auto engine = test::open(config());
  EXPECT_EQ(test::home(*engine).signing_secret(id)->secret, secret);
  EXPECT_EQ(test::home(*engine).secrets()->items.at(0).name, "KEY");
}

TEST_F(EngineSecretsTest, ALostOrWrongKeyIsSaidAndNoNewOneIsMade) {
  {
    const auto engine = test::open(config());
    ASSERT_TRUE(test::home(*engine).put_secret("KEY", "v"));
  }
  fs::rename(data() / "master.key", root_ / "kept");
  EXPECT_EQ(fault(), ErrorCode::kNotFound);
  EXPECT_NE(what_.find("master.key is missing"), std::string::npos) << what_;
  EXPECT_FALSE(fs::exists(data() / "master.key"));
  EXPECT_EQ(fault({.master_key = std::string(64, 'b')}), ErrorCode::kUnauthorized);
  EXPECT_EQ(what_.find("bbbb"), std::string::npos) << what_;
  fs::rename(root_ / "kept", data() / "master.key");
  EXPECT_TRUE(test::home(*test::open(config())).secret("KEY"));
}

TEST_F(EngineSecretsTest, TheKeyInTheDirectoryIsRotatedWhileTheEngineRuns) {
  const auto text = [this] {
    std::ifstream file(data() / "master.key");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  std::string before;
  {
    const auto engine = test::open(config());
    ASSERT_TRUE(test::home(*engine).put_secret("KEY", "v"));
    before = text();
    ASSERT_TRUE(engine->rotate_master_key());
    EXPECT_NE(text(), before);
    EXPECT_FALSE(fs::exists(data() / "master.key.next"));
  }
  EXPECT_TRUE(test::home(*test::open(config())).secret("KEY"));
  EXPECT_EQ(fault({.master_key = before}), ErrorCode::kUnauthorized);
}

// From the file to a key that is given: both at one start, then the new one alone.
TEST_F(EngineSecretsTest, AKeyThatIsGivenTakesOverFromTheFile) {
  { ASSERT_TRUE(test::home(*test::open(config())).put_secret("KEY", "v")); }
  std::ifstream file(data() / "master.key");
  const std::string before(std::istreambuf_iterator<char>(file), {});
  const std::string next(64, 'b');
  test::open(config(), {.master_key = next, .previous_master_key = before}).reset();
  EXPECT_TRUE(test::home(*test::open(config(), {.master_key = next})).secret("KEY"));
  EXPECT_EQ(fault(), ErrorCode::kUnauthorized);
}

// Reads what a core dump of this process would hold: every mapping that is written to a dump.
template <class Visit>
void each_dumped_page(const Visit& visit) {
  std::ifstream maps("/proc/self/smaps");
  std::FILE* const memory = std::fopen("/proc/self/mem", "rb");
  ASSERT_NE(memory, nullptr);
  unsigned long begin = 0;
  unsigned long end = 0;
  bool is_readable = false;
  std::string bytes;
  for (std::string line; std::getline(maps, line);) {
    char modes[5] = {};
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, modes) == 3) {
      begin = from;
      end = to;
      is_readable = modes[0] == 'r' && modes[1] == 'w';
      continue;
    }
    if (!line.starts_with("VmFlags:") || !is_readable || line.find(" dd") != std::string::npos)
      continue;
    for (unsigned long at = begin; at < end; at += bytes.size()) {
      bytes.resize(std::min<unsigned long>(end - at, 1u << 20));
      if (std::fseek(memory, static_cast<long>(at), SEEK_SET) != 0 ||
          std::fread(bytes.data(), 1, bytes.size(), memory) != bytes.size())
        break;
      visit(at, bytes);
    }
  }
  std::fclose(memory);
}

// The text is put together only for the search, and from the middle, so that what is searched for
// is not found in what searches.
std::size_t times_in_a_dump(std::string_view first, std::string_view second) {
  std::size_t times = 0;
  each_dumped_page([&](unsigned long, const std::string& bytes) {
    for (std::size_t at = bytes.find(first); at != std::string::npos;
         at = bytes.find(first, at + 1)) {
      if (std::string_view(bytes).substr(at + first.size()).starts_with(second)) ++times;
    }
  });
  return times;
}

TEST_F(EngineSecretsTest, ASecretInUseIsInNoCoreDump) {
  if (test::kSanitized)
    GTEST_SKIP() << "frames of functions that are left stay in the sanitizer's memory";
  const std::string_view first = "zq7vKp";
  const std::string_view second = "W3mXt9";
  EXPECT_EQ(times_in_a_dump(first, second), 0u);
  const auto engine = test::open(config());
  test::register_app(*engine);
  const EndpointId id = test::register_product(*engine, "shop", "http://127.0.0.1:9/").id;
  {
    char value[64];
    const int size = std::snprintf(value, sizeof(value), "%s%s-and-some-more-of-it", first.data(),
                                   second.data());
    ASSERT_TRUE(test::home(*engine).put_secret("KEY", {value, static_cast<std::size_t>(size)}));
    EXPECT_GE(times_in_a_dump(first, second), 1u) << "the search finds what is there";
    std::fill(std::begin(value), std::end(value), '\0');
    asm volatile("" : : "r"(value) : "memory");
  }
  EndpointSettings settings;
  settings.auth =
      R"({"headers":{"Authorization":"Bearer $Secret{KEY}"},"query":{"k":"$Secret{KEY}"}})";
  ASSERT_TRUE(test::home(*engine).update_endpoint(id, settings));
  EXPECT_EQ(times_in_a_dump(first, second), 0u);
}

}  // namespace
}  // namespace headrace
