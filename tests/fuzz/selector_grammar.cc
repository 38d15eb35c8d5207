// SPDX-License-Identifier: Apache-2.0
// Any text is a selector that its canonical spelling gives again, or has a fault inside; and the
// same bytes as JSON and as a number never read past their end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "selector/json.h"
#include "selector/json_text.h"
#include "selector/selector.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_selector(std::string_view text) {
  using headrace::selector::Selector;
  const auto selector = Selector::parse(text);
  if (!selector) {
    const std::int64_t position = selector.error().detail;
    require(position >= 0 && static_cast<std::size_t>(position) <= text.size());
    return;
  }
  const auto again = Selector::parse(selector->canonical());
  require(again && *again == *selector);
}

void check_json(std::string_view text) {
  const auto fault = headrace::selector::find_json_fault(text);
  if (fault) require(fault->offset <= text.size() && *fault->reason != '\0');
  if (!headrace::selector::is_json_number(text)) return;
  require(!fault);
  std::string normal;
  headrace::selector::append_normal_number(text, normal);
  require(headrace::selector::is_json_number(normal));
  std::string again;
  headrace::selector::append_normal_number(normal, again);
  require(again == normal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_selector(text);
  check_json(text);
  return 0;
}
