# SPDX-License-Identifier: Apache-2.0
# How every target of this project is made: one function a kind, so that flags live in one place.

find_program(HEADRACE_CCACHE ccache)
if(HEADRACE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${HEADRACE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HEADRACE_CCACHE}")
endif()

# Links faster where it is installed; the default linker serves as well.
find_program(HEADRACE_LLD NAMES ld.lld)

add_library(headrace_flags INTERFACE)
target_include_directories(headrace_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
target_compile_options(headrace_flags INTERFACE -fno-omit-frame-pointer)
if(HEADRACE_LLD)
  target_link_options(headrace_flags INTERFACE -fuse-ld=lld)
endif()
if(HEADRACE_DEVELOPER)
  # Designated initializers leave members out on purpose.
  target_compile_options(headrace_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
                         -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees an overlap in std::string's operator+ where there is none (its bug 105651).
    target_compile_options(headrace_flags INTERFACE -Wno-restrict)
    # Its collector of garbage is thrifty by default, which takes a tenth of the time.
    target_compile_options(headrace_flags INTERFACE --param=ggc-min-heapsize=1000000 --param=ggc-min-expand=200)
    if(HEADRACE_SANITIZE MATCHES thread)
      # The sanitizer does not model the mailbox's fence, and says so; what the fence orders is atomic anyway.
      target_compile_options(headrace_flags INTERFACE -Wno-tsan)
    endif()
  endif()
endif()
if(HEADRACE_SANITIZE)
  target_compile_options(headrace_flags INTERFACE "-fsanitize=${HEADRACE_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(headrace_flags INTERFACE "-fsanitize=${HEADRACE_SANITIZE}")
endif()
if(HEADRACE_LIBFUZZER)
  target_compile_options(headrace_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Folders whose loops over bytes need some optimization even under a sanitizer, whose presets have none
# as that compiles in half the time.
set(HEADRACE_HOT_FOLDERS core crypto selector store dispatch verification ingest)

# headrace_library(NAME SOURCES… LINK…): the library of one folder, with its headrace:: alias.
function(headrace_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(headrace_${name} STATIC ${ARG_SOURCES})
  add_library(headrace::${name} ALIAS headrace_${name})
  target_link_libraries(headrace_${name} PUBLIC headrace_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  if(HEADRACE_SANITIZE AND name IN_LIST HEADRACE_HOT_FOLDERS)
    target_compile_options(headrace_${name} PRIVATE -O1)
  endif()
endfunction()

# headrace_test(NAME SOURCES… LINK… [LABELS…]): one GoogleTest program; each of its tests is a ctest.
# The label `threads` marks what is run under the thread sanitizer too.
function(headrace_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE headrace_flags ${ARG_LINK} GTest::gtest GTest::gtest_main)
  if(HEADRACE_SANITIZE)
    target_compile_options(${name} PRIVATE -O0)
  endif()
  # Property tests try the same cases in every run; RC_PARAMS="seed=N" on a test program tries others.
  # Under a sanitizer each case takes ten times as long.
  set(cases 500)
  if(HEADRACE_SANITIZE)
    set(cases 100)
  endif()
  set(properties TIMEOUT 300 ENVIRONMENT "RC_PARAMS=seed=20 max_success=${cases}")
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

# headrace_reads_tree(SOURCE…): these files read others of the tree. Only they know where it lies: what
# else is compiled serves every checkout of the same sources from ccache.
function(headrace_reads_tree)
  set_source_files_properties(${ARGN} PROPERTIES
                              COMPILE_DEFINITIONS "HEADRACE_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endfunction()

# headrace_fuzz(NAME [SOURCES…] LINK…): tests/fuzz/NAME.cc, with sources named from the root. With libFuzzer
# where HEADRACE_LIBFUZZER is on; in any build with a plain main, run by ctest over tests/fuzz/corpus/NAME.
function(headrace_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(dir "${PROJECT_SOURCE_DIR}/tests/fuzz")
  list(TRANSFORM ARG_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/")
  if(HEADRACE_LIBFUZZER)
    add_executable(${name} "${dir}/${name}.cc" ${ARG_SOURCES})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} "${dir}/${name}.cc" ${ARG_SOURCES} "${dir}/plain_main.cc")
    add_test(NAME fuzz.${name} COMMAND ${name} "${dir}/corpus/${name}")
  endif()
  target_link_libraries(${name} PRIVATE headrace_flags ${ARG_LINK})
endfunction()

# headrace_bench(NAME LINK… [ARGS…]): bench/NAME.cc, with a short run of it in ctest so that it never rots.
function(headrace_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;ARGS" ${ARGN})
  add_executable(${name} "${PROJECT_SOURCE_DIR}/bench/${name}.cc" ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE headrace_flags ${ARG_LINK} benchmark::benchmark)
  if(HEADRACE_BUILD_TESTS)
    add_test(NAME bench.${name} COMMAND ${name} --benchmark_min_time=0.001 ${ARG_ARGS})
    set_tests_properties(bench.${name} PROPERTIES TIMEOUT 300 LABELS bench)
  endif()
endfunction()
