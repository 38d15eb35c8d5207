// SPDX-License-Identifier: Apache-2.0
#include "engine/target_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "engine/faults.h"
#include "engine/request_parts.h"

namespace headrace::engine {
namespace {

bool allows(const TargetRules& rules, const dispatch::Url& url, const sockaddr& address) {
  return rules.addresses == nullptr ? dispatch::is_global(url, address)
                                    : rules.addresses->allows(url, address);
}

// The URL may have its secrets in it already, so nothing of it is told. As at delivery: one address
// that is allowed will do, and none is not known to be bad.
Result<void> judge(const TargetRules& rules, const dispatch::Url& url,
                   const dispatch::Addresses& addresses) {
  const std::span list{addresses.list.data(), addresses.count};
  const bool refused =
      !list.empty() && std::none_of(list.begin(), list.end(), [&](const auto& address) {
        return allows(rules, url, address.any);
      });
  if (!refused) return {};
  return Error{ErrorCode::kAddressNotAllowed,
               "the host leads to an address that nothing may be sent to (see the setting "
               "endpoint_allow)",
               0};
}

// With `filler` in the place of what is filled in later.
std::string filled(std::string_view url, const char* filler) {
  Fields fields;
  for (std::string& name : placeholders(url)) fields.emplace_back(std::move(name), filler);
  return fill_placeholders(url, fields);
}

// None: its host is filled in later, or it is no URL.
std::optional<dispatch::Url> whole_url(std::string_view text) {
  auto url = dispatch::Url::parse(filled(text, "x"));
  const auto other = dispatch::Url::parse(filled(text, "y"));
  if (!url || !other || url->host != other->host) return std::nullopt;
  return std::move(*url);
}

}  // namespace

bool hides_authority(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  return url.substr(0, url.find_first_of("/?#", host)).find("$Secret{") != std::string_view::npos;
}

Result<void> check_authority(std::string_view url, const std::string& pointer) {
  if (!hides_authority(url)) return {};
  return invalid(pointer, "a $Secret{} may stand in the path and the query, not in front of them");
}

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
  return judge(rules, url, rules.look_up({&url.host, 1})[0]);
}

Result<void> resolve_and_check(const TargetRules& rules, const std::vector<WrittenUrl>& urls) {
  struct Named {
    dispatch::Url url;
    const std::string* pointer = nullptr;
    std::size_t host = 0;  // its place among the names
  };
  std::vector<Named> named;
  std::vector<std::string> hosts;
  std::map<std::string, std::size_t> places;
  for (const WrittenUrl& written : urls) {
    auto url = whole_url(written.text);
    if (!url) continue;
    if (auto checked = check_target(rules, *url); !checked)
      return at(written.pointer, std::move(checked).error());
    if (dispatch::known_addresses(url->host)) continue;
    const auto [place, is_new] = places.try_emplace(url->host, hosts.size());
    if (is_new) hosts.push_back(url->host);
    named.push_back({std::move(*url), &written.pointer, place->second});
  }
  if (rules.look_up == nullptr || hosts.empty()) return {};
  const std::vector<dispatch::Addresses> answers = rules.look_up(hosts);
  for (const Named& one : named) {
    if (auto judged = judge(rules, one.url, answers[one.host]); !judged)
      return at(*one.pointer, std::move(judged).error());
  }
  return {};
}

}  // namespace headrace::engine
