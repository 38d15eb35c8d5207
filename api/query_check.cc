// SPDX-License-Identifier: Apache-2.0
#include "api/query_check.h"

#include <algorithm>
#include <string>

#include "api/times.h"
#include "core/http_grammar.h"
#include "headrace/id.h"

namespace headrace::api {
namespace {

constexpr std::uint64_t kPageMax = 1000;

bool is_number_within(std::string_view text, std::uint64_t least, std::uint64_t most) noexcept {
  std::uint64_t number = 0;
  return core::http::parse_number(text, number) && number >= least && number <= most;
}

// What it must be, where it is not.
std::string fault_of(const Parameter& parameter, const std::string& text) {
  const auto unless = [](bool is_right, std::string_view wanted) {
    return is_right ? std::string() : "must be " + std::string(wanted);
  };
  switch (parameter.kind) {
    case ParameterKind::kText:
    case ParameterKind::kCursor:
      return {};
    case ParameterKind::kLimit:
      return unless(is_number_within(text, 1, kPageMax), "a number from 1 to 1000");
    case ParameterKind::kFlag:
      return unless(text == "true" || text == "false", "true or false");
    case ParameterKind::kTime:
      return unless(parse_time(text).has_value(), "a time of RFC 3339");
    case ParameterKind::kHttpStatus:
      return unless(is_number_within(text, 0, 999), "a number from 0 to 999");
    case ParameterKind::kLinkId:
      return unless(LinkId::parse(text).has_value(), "the id of a link");
    case ParameterKind::kEndpointId:
      return unless(EndpointId::parse(text).has_value(), "the id of an endpoint");
    case ParameterKind::kMessageId:
      return unless(MessageId::parse(text).has_value(), "the id of a message");
    case ParameterKind::kChoice:
      break;
  }
  const auto& choices = parameter.choices;
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return {};
  std::string wanted = "must be one of";
  for (const std::string_view choice : choices) wanted.append(" ").append(choice);
  return wanted;
}

}  // namespace

std::vector<ErrorItem> check_query(const Route& route, const Request& request) {
  std::vector<ErrorItem> faults;
  const std::vector<Parameter> known = parameters_of(route);
  for (const auto& [name, text] : request.query) {
    const auto it = std::find_if(known.begin(), known.end(), [&given = name](const Parameter& one) {
      return one.name == given;
    });
    std::string fault = it == known.end() ? "is not a parameter here" : fault_of(*it, text);
    if (!fault.empty()) faults.push_back({"?" + name, std::move(fault)});
  }
  return faults;
}

}  // namespace headrace::api
