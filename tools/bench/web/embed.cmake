# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=FILE -DFILES=NAME=FILE,… -P embed.cmake: a source that defines each NAME of
# tools/bench/web_assets.h as the bytes of its file.
set(text "// Made by tools/bench/web/embed.cmake.\n#include \"tools/bench/web_assets.h\"\n\nnamespace headrace::bench_tools::web {\n")
string(REPLACE "," ";" FILES "${FILES}")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${entry}")
  set(name "${CMAKE_MATCH_1}")
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND text "static constexpr char ${name}Bytes[] = {${bytes}};\n"
                     "const std::string_view ${name}(${name}Bytes, sizeof(${name}Bytes));\n")
endforeach()
file(WRITE "${OUT}" "${text}}  // namespace headrace::bench_tools::web\n")
