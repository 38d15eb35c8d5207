// SPDX-License-Identifier: Apache-2.0
#include "selector/json.h"

#include "selector/json_scan.h"

namespace headrace::selector {
namespace {

struct NoHandler {
  void begin_object() noexcept {}
  void begin_array() noexcept {}
  void end() noexcept {}
  void key(const JsonString&) noexcept {}
  void string(const JsonString&) noexcept {}
  void number(std::string_view) noexcept {}
  void literal(std::string_view) noexcept {}
};

}  // namespace

std::optional<JsonFault> find_json_fault(std::string_view text) noexcept {
  NoHandler handler;
  JsonScanner<NoHandler> scanner(text, handler);
  if (scanner.run()) return std::nullopt;
  return scanner.fault();
}

}  // namespace headrace::selector
