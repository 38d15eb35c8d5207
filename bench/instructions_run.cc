// SPDX-License-Identifier: Apache-2.0
// Does the work that tools/instructions counts the instructions of, under callgrind.
//
// First prints what the counts depend on besides our own code, a "fact NAME: VALUE" a line.
#include <gnu/libc-version.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <uv.h>
#include <xxhash.h>

#include <cstdio>
#include <string>

#include "bench/instructions.h"

namespace headrace::bench {
namespace {

void tell(const char* name, const std::string& value) {
  std::printf("fact %s: %s\n", name, value.c_str());
}

// As the processor names them here, which under valgrind is what valgrind knows.
std::string processor() {
  std::string text;
  const auto add = [&text](const char* name, bool is_there) {
    if (is_there) text.append(text.empty() ? "" : " ").append(name);
  };
#if defined(__x86_64__)
  __builtin_cpu_init();
  add("sse4.2", __builtin_cpu_supports("sse4.2") != 0);
  add("pclmul", __builtin_cpu_supports("pclmul") != 0);
  add("avx", __builtin_cpu_supports("avx") != 0);
  add("avx2", __builtin_cpu_supports("avx2") != 0);
  add("bmi", __builtin_cpu_supports("bmi") != 0);
  add("bmi2", __builtin_cpu_supports("bmi2") != 0);
  add("fma", __builtin_cpu_supports("fma") != 0);
  add("avx512f", __builtin_cpu_supports("avx512f") != 0);
#endif
  const char* settings = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
  return text + (settings == nullptr ? "" : std::string(" ") + settings);
}

void tell_environment() {
  tell("compiler", __VERSION__);
  tell("flags", HEADRACE_BUILD_FLAGS);
  tell("glibc", gnu_get_libc_version());
  tell("libstdc++", std::to_string(__GLIBCXX__));
  const auto part = [](int number) { return std::to_string(number) + '.'; };
  tell("simdjson", part(simdjson::SIMDJSON_VERSION_MAJOR) + part(simdjson::SIMDJSON_VERSION_MINOR) +
                       std::to_string(simdjson::SIMDJSON_VERSION_REVISION) + ' ' +
                       simdjson::get_active_implementation()->name());
  tell("openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
  tell("libuv", uv_version_string());
  tell("llhttp", part(LLHTTP_VERSION_MAJOR) + part(LLHTTP_VERSION_MINOR) +
                     std::to_string(LLHTTP_VERSION_PATCH));
  tell("xxhash", std::to_string(XXH_versionNumber()));
  tell("rocksdb", store_library_version());
  tell("processor", processor());
}

}  // namespace
}  // namespace headrace::bench

int main() {
  using namespace headrace::bench;
  tell_environment();
  count_core_pieces();
  count_message_pieces();
  count_ingest_pieces();
  count_dispatch_pieces();
  count_store_pieces();
}
