# SPDX-License-Identifier: Apache-2.0
# Tests that node's test runner drives. tools/setup installs what these need.
find_program(HEADRACE_NODE NAMES node nodejs REQUIRED)

# headrace_node_test(FILE [LABELS…] [PROPERTIES…]): one module of tests, as one ctest named
# FOLDER.MODULE.
function(headrace_node_test file)
  cmake_parse_arguments(ARG "" "" "LABELS;PROPERTIES" ${ARGN})
  get_filename_component(folder "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
  string(REPLACE ".test.mjs" "" name ${file})
  add_test(NAME ${folder}.${name}
           COMMAND "${HEADRACE_NODE}" --test --test-reporter spec "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set_tests_properties(${folder}.${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600 ${ARG_PROPERTIES})
endfunction()

# headrace_integration_test(FILE [LABELS…]): the same, with a daemon.
function(headrace_integration_test file)
  cmake_parse_arguments(ARG "" "" "LABELS" ${ARGN})
  headrace_node_test(${file} LABELS integration ${ARG_LABELS}
    PROPERTIES ENVIRONMENT "HEADRACE_BINARY=${PROJECT_BINARY_DIR}/tools/headrace" PROCESSORS 2)
endfunction()
