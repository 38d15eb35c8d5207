// SPDX-License-Identifier: Apache-2.0
// Any text is a filter that compiles, or is refused with a sentence, a JSON Pointer and, when it is
// not JSON, a position inside. A filter and its opposite never agree on a message.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "selector/json.h"
#include "selector/program.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_refusal(std::string_view text, const Error& error, const FilterFault& fault) {
  require(!fault.what.empty() && error.what.ends_with(fault.what));
  require(fault.pointer.empty() || fault.pointer.front() == '/');
  const auto json_fault = find_json_fault(text);
  if (error.code == ErrorCode::kMalformed) {
    require(json_fault && error.detail == static_cast<std::int64_t>(json_fault->offset));
  } else {
    require(!json_fault || text.size() > core::limits::kFilterBytesMax);
  }
}

void check_filter(const std::shared_ptr<const Filter>& filter, std::string_view text) {
  std::vector<FilterRule> rules = {{core::EndpointNumber{1}, filter}};
  auto opposite = Filter::parse(R"({"not":)" + std::string(text) + "}");
  if (opposite) {
    rules.push_back(
        {core::EndpointNumber{2}, std::make_shared<const Filter>(std::move(opposite).value())});
  }
  const auto program = Program::compile({}, {}, rules);
  require(program.has_value());
  // The filter itself as a message: its keys are likely to be met by nothing, its query is.
  const PaddedText body(text);
  Matcher matcher;
  MessageView message;
  message.body = body.view();
  message.query = "a=1&b=x";
  message.header_lines = "A: 1\r\nB: x\r\n";
  require(matcher.run(*program, message).valid);
  const bool accepted = matcher.passes(core::EndpointNumber{1});
  require(matcher.why_not(core::EndpointNumber{1}).empty() == accepted);
  if (rules.size() == 2) require(matcher.passes(core::EndpointNumber{2}) != accepted);
}

}  // namespace
}  // namespace headrace::selector

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::selector;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  FilterFault fault;
  auto filter = Filter::parse(text, &fault);
  if (!filter) {
    check_refusal(text, filter.error(), fault);
    return 0;
  }
  check_filter(std::make_shared<const Filter>(std::move(filter).value()), text);
  return 0;
}
