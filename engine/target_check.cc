// SPDX-License-Identifier: Apache-2.0
#include "engine/target_check.h"

#include <algorithm>
#include <span>

#include "engine/faults.h"
#include "engine/request_parts.h"

namespace headrace::engine {
namespace {

bool allows(const TargetRules& rules, const dispatch::Url& url, const sockaddr& address) {
  return rules.addresses == nullptr ? dispatch::is_global(url, address)
                                    : rules.addresses->allows(url, address);
}

// As at delivery: one address that is allowed will do, and none is not known to be bad.
Result<void> judge(const TargetRules& rules, const dispatch::Url& url,
                   const dispatch::Addresses& addresses) {
  const std::span list{addresses.list.data(), addresses.count};
  const bool refused =
      !list.empty() && std::none_of(list.begin(), list.end(), [&](const auto& address) {
        return allows(rules, url, address.any);
      });
  if (!refused) return {};
  return Error{ErrorCode::kAddressNotAllowed,
               "the host '" + url.host +
                   "' leads to an address that nothing may be sent to (see the setting "
                   "endpoint_allow)",
               0};
}

// With `filler` in the place of what is filled in later.
std::string filled(std::string_view url, const char* filler) {
  Fields fields;
  for (std::string& name : placeholders(url)) fields.emplace_back(std::move(name), filler);
  return fill_placeholders(url, fields);
}

}  // namespace

Result<void> check_target(const TargetRules& rules, const dispatch::Url& url) {
  if (!url.tls && !rules.plain_http) {
    return Error{ErrorCode::kPlainHttpNotAllowed,
                 "http:// is not sent to: use https:// (see the setting plain_http_endpoints)", 0};
  }
  const auto known = dispatch::known_addresses(url.host);
  return known ? judge(rules, url, *known) : Result<void>();
}

Result<void> resolve_and_check(const TargetRules& rules, const dispatch::Url& url) {
  if (auto checked = check_target(rules, url); !checked) return checked;
  if (rules.look_up == nullptr || dispatch::known_addresses(url.host)) return {};
  return judge(rules, url, rules.look_up(url.host));
}

Result<void> resolve_and_check(const TargetRules& rules, std::string_view text,
                               const std::string& pointer) {
  const auto url = dispatch::Url::parse(filled(text, "x"));
  const auto other = dispatch::Url::parse(filled(text, "y"));
  if (!url || !other || url->host != other->host) return {};
  auto checked = resolve_and_check(rules, *url);
  return checked ? Result<void>() : at(pointer, std::move(checked).error());
}

}  // namespace headrace::engine
