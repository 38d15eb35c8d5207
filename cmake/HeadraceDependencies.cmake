# SPDX-License-Identifier: Apache-2.0
# Everything third-party, each as one imported or built target. tools/packages.txt names the packages.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl)
find_package(simdjson REQUIRED)
find_package(RocksDB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
find_path(CONCURRENTQUEUE_INCLUDE concurrentqueue/concurrentqueue.h REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(VALIJSON_INCLUDE valijson/validator.hpp REQUIRED)

add_library(headrace_concurrentqueue INTERFACE)
target_include_directories(headrace_concurrentqueue SYSTEM INTERFACE "${CONCURRENTQUEUE_INCLUDE}")

# llhttp comes as C sources. Strict mode is not the default, and without it "X:\rTransfer-Encoding:
# chunked" is a second header (request smuggling): tests/core/llhttp_strict_test.cc fails if it is lost.
find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH REQUIRED)
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)
add_library(headrace_llhttp STATIC "${LLHTTP_SOURCE}/llhttp.c" "${LLHTTP_SOURCE}/api.c" "${LLHTTP_SOURCE}/http.c")
target_include_directories(headrace_llhttp SYSTEM PUBLIC "${LLHTTP_INCLUDE}")
target_compile_definitions(headrace_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(headrace_llhttp PRIVATE -w)

if(HEADRACE_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  find_package(rapidcheck REQUIRED)
endif()
if(HEADRACE_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
