// SPDX-License-Identifier: Apache-2.0
#include "ingest/client_address.h"

#include <algorithm>
#include <optional>

#include "core/http_grammar.h"

namespace headrace::ingest {
namespace {

using core::IpAddress;

// Hops from the left to the right, and who is the client if the last one seen was the last there
// is: so no list has to be kept.
class Hops {
 public:
  explicit Hops(const ClientRules& rules) noexcept : rules_(rules) {}

  void add(const std::optional<IpAddress>& hop) noexcept {
    const bool trusted = hop && contains(rules_.trusted_proxies, *hop);
    if (!hop || !trusted || !client_) client_ = hop;
  }
  const std::optional<IpAddress>& client() const noexcept { return client_; }

 private:
  const ClientRules& rules_;
  std::optional<IpAddress> client_;
};

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), core::http::is_digit);
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
std::optional<IpAddress> address_of(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(1, end - 1));
    return address && !address->v4 ? address : std::nullopt;
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon == text.rfind(':')) {
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return IpAddress::parse(text);
}

// Takes what stands in front of the next `separator` outside of quotes off `rest`. An open quote
// takes everything.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    if (quoted && rest[at] == '\\') {
      ++at;
    } else if (rest[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && rest[at] == separator) {
      break;
    }
  }
  const std::string_view part = rest.substr(0, std::min(at, rest.size()));
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return core::http::trim(part);
}

void add_addresses(std::string_view list, Hops& hops) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = core::http::trim(list.substr(0, comma));
    if (!element.empty()) hops.add(address_of(element));  // RFC 9110 section 5.6.1: empty ones
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// A token, or one quoted string and nothing behind it: a client that leaves a quote open would else
// have what its proxy appends taken for a part of its own element. What is escaped is kept so.
std::optional<std::string_view> value_of(std::string_view text) noexcept {
  if (!text.starts_with('"')) {
    const bool plain = text.find('"') == std::string_view::npos;
    return plain ? std::optional(text) : std::nullopt;
  }
  std::size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end + 1 != text.size()) return std::nullopt;
  return text.substr(1, end - 1);
}

// The node of a forwarded-element's `for`. None where any pair of it cannot be read.
std::optional<IpAddress> forwarded_for(std::string_view element) noexcept {
  std::optional<IpAddress> found;
  bool seen = false;
  while (!element.empty()) {
    const std::string_view pair = next_part(element, ';');
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto value = value_of(pair.substr(std::min(equals + 1, pair.size())));
    if (!value || pair.substr(0, equals).find('"') != std::string_view::npos) return std::nullopt;
    if (!core::http::equals_lower(pair.substr(0, equals), "for")) continue;
    if (seen) return std::nullopt;  // at most once (RFC 7239 section 4)
    seen = true;
    found = address_of(*value);
  }
  return found;
}

void add_forwarded(std::string_view list, Hops& hops) noexcept {
  while (!list.empty()) {
    const std::string_view element = next_part(list, ',');
    if (!element.empty()) hops.add(forwarded_for(element));
  }
}

}  // namespace

bool contains(const std::vector<core::Cidr>& blocks, const IpAddress& address) noexcept {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const core::Cidr& block) { return block.contains(address); });
}

IpAddress client_of(const core::RequestHead& head, const char* base, const IpAddress& peer,
                    const ClientRules& rules) noexcept {
  if (rules.trusted_proxies.empty() || !contains(rules.trusted_proxies, peer)) return peer;
  const bool standard = rules.field == ClientField::kForwarded;
  const std::string_view wanted = standard ? "forwarded" : "x-forwarded-for";
  Hops hops(rules);
  for (std::size_t i = 0; i < head.field_count; ++i) {
    if (!core::http::equals_lower(head.fields[i].name.in(base), wanted)) continue;
    const std::string_view value = head.fields[i].value.in(base);
    standard ? add_forwarded(value, hops) : add_addresses(value, hops);
  }
  return hops.client().value_or(peer);
}

}  // namespace headrace::ingest
