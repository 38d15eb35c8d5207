// SPDX-License-Identifier: Apache-2.0
#include "dispatch/address_filter.h"

#include <uv.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace headrace::dispatch {

namespace {

using core::Cidr;
using core::IpAddress;

constexpr Cidr v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                  unsigned prefix) noexcept {
  return {{{a, b, c, d}, true}, prefix};
}

// The first four groups: no block of the registries below has a longer prefix, save single
// addresses.
constexpr Cidr v6(std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint16_t d,
                  unsigned prefix, std::uint16_t last = 0) noexcept {
  Cidr block{{}, prefix};
  const std::array<std::uint16_t, 8> groups = {a, b, c, d, 0, 0, 0, last};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    block.network.bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    block.network.bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
  }
  return block;
}

// What is not global, in the order in which it is looked up: single addresses that are special
// inside a private block stand before it.
struct Known {
  Cidr block;
  AddressKind kind;
};
constexpr auto kPrivate = AddressKind::kPrivate;
constexpr auto kSpecial = AddressKind::kSpecial;

constexpr std::array kKnownV4 = {
    Known{v4(100, 100, 100, 200, 32), kSpecial},  // a cloud's metadata service
    Known{v4(168, 63, 129, 16, 32), kSpecial},    // likewise, though the address is a public one
    Known{v4(0, 0, 0, 0, 8), kSpecial},           // "this network", RFC 791 3.2
    Known{v4(10, 0, 0, 0, 8), kPrivate},          // RFC 1918
    Known{v4(100, 64, 0, 0, 10), kPrivate},       // RFC 6598
    Known{v4(127, 0, 0, 0, 8), kPrivate},         // loopback, RFC 1122 3.2.1.3
    Known{v4(169, 254, 0, 0, 16), kSpecial},      // link-local, RFC 3927; metadata services
    Known{v4(172, 16, 0, 0, 12), kPrivate},       // RFC 1918
    Known{v4(192, 0, 0, 0, 24), kSpecial},        // protocol assignments, RFC 6890
    Known{v4(192, 0, 2, 0, 24), kSpecial},        // documentation, RFC 5737
    Known{v4(192, 88, 99, 0, 24), kSpecial},      // 6to4 relays, RFC 7526
    Known{v4(192, 168, 0, 0, 16), kPrivate},      // RFC 1918
    Known{v4(198, 18, 0, 0, 15), kSpecial},       // benchmarking, RFC 2544
    Known{v4(198, 51, 100, 0, 24), kSpecial},     // documentation
    Known{v4(203, 0, 113, 0, 24), kSpecial},      // documentation
    Known{v4(224, 0, 0, 0, 3), kSpecial},         // multicast, reserved, broadcast
};

constexpr std::array kKnownV6 = {
    Known{v6(0, 0, 0, 0, 128, 1), kPrivate},       // loopback
    Known{v6(0xfd00, 0xec2, 0, 0, 32), kSpecial},  // a cloud's metadata and credentials
    Known{v6(0xfd20, 0xce, 0, 0, 32), kSpecial},   // another's
    Known{v6(0xfc00, 0, 0, 0, 7), kPrivate},       // RFC 4193
    Known{v6(0x2001, 0, 0, 0, 23), kSpecial},      // protocol assignments, RFC 2928
    Known{v6(0x2001, 0xdb8, 0, 0, 32), kSpecial},  // documentation, RFC 3849
    Known{v6(0x3fff, 0, 0, 0, 20), kSpecial},      // documentation, RFC 9637
};
constexpr Cidr kGlobalV6 = v6(0x2000, 0, 0, 0, 3);  // all that IANA has given out so far

AddressKind look_up(std::span<const Known> known, const IpAddress& address,
                    AddressKind otherwise) noexcept {
  const auto found = std::find_if(known.begin(), known.end(), [&](const Known& entry) {
    return entry.block.contains(address);
  });
  return found == known.end() ? otherwise : found->kind;
}

AddressKind kind_of_plain(const IpAddress& address) noexcept {
  if (address.v4) return look_up(kKnownV4, address, AddressKind::kGlobal);
  const auto otherwise = kGlobalV6.contains(address) ? AddressKind::kGlobal : kSpecial;
  return look_up(kKnownV6, address, otherwise);
}

// Where an address leads: to itself, or to the IPv4 addresses that some gateway takes out of it.
struct Behind {
  std::array<IpAddress, 2> list;
  std::size_t count = 1;
  std::span<const IpAddress> all() const& noexcept { return {list.data(), count}; }
  std::span<const IpAddress> all() const&& = delete;  // it would outlive what it shows
};

constexpr Cidr kNat64 = v6(0x64, 0xff9b, 0, 0, 96);  // RFC 6052 2.1
constexpr Cidr k6to4 = v6(0x2002, 0, 0, 0, 16);
constexpr Cidr kTeredo = v6(0x2001, 0, 0, 0, 32);

IpAddress embedded(const IpAddress& address, std::size_t at, std::uint8_t flip = 0) noexcept {
  IpAddress inner;
  inner.v4 = true;
  for (std::size_t i = 0; i < 4; ++i)
    inner.bytes[i] = static_cast<std::uint8_t>(address.bytes[at + i] ^ flip);
  return inner;
}

// 64:ff9b:1::/48 is not taken apart: where in it the address stands is its operator's choice (RFC
// 8215), so it is special as a whole.
Behind behind(const IpAddress& address) noexcept {
  if (address.v4) return {{address}};
  if (kNat64.contains(address)) return {{embedded(address, 12)}};
  if (k6to4.contains(address)) return {{embedded(address, 2)}};
  if (kTeredo.contains(address))  // the server and the client, whose bits are inverted
    return {{embedded(address, 4), embedded(address, 12, 0xff)}, 2};
  return {{address.unmapped()}};
}

bool is_number(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  unsigned port = 0;
  if (!is_number(text)) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port == 0 || port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

std::string_view without_root_dot(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

Error not_a_rule(std::string_view text) {
  return Error{
      ErrorCode::kInvalidArgument,
      "\"" + std::string(text) + "\" is not a block of addresses or a host, with or without a port",
      0};
}

// What a rule says before its port.
struct RuleParts {
  std::string_view where;
  std::string_view port;  // with its colon; empty: none
  bool bracketed = false;
};

std::optional<RuleParts> split(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return RuleParts{text.substr(1, end - 1), text.substr(end + 1), true};
  }
  const std::size_t colon = text.find(':');
  const bool is_ipv6 = colon != std::string_view::npos && colon != text.rfind(':');
  if (is_ipv6 || colon == std::string_view::npos) return RuleParts{text, {}};
  return RuleParts{text.substr(0, colon), text.substr(colon)};
}

// The machine's addresses change while it runs, so they are asked for each time; that is when
// somebody's URL has the port of one of our listeners.
bool is_of_this_machine(const IpAddress& address) noexcept {
  static constexpr Cidr kLoopback = v4(127, 0, 0, 0, 8);
  static constexpr Cidr kThisHost = v4(0, 0, 0, 0, 8);
  if (kLoopback.contains(address) || kThisHost.contains(address)) return true;
  if (!address.v4 && std::all_of(address.bytes.begin(), address.bytes.end() - 1,
                                 [](std::uint8_t byte) { return byte == 0; }))
    return true;  // :: and ::1
  uv_interface_address_t* list = nullptr;
  int count = 0;
  if (uv_interface_addresses(&list, &count) != 0) return true;  // not known: better not
  const std::span interfaces{list, static_cast<std::size_t>(count)};
  const bool found = std::any_of(interfaces.begin(), interfaces.end(), [&](const auto& one) {
    return IpAddress::from(reinterpret_cast<const sockaddr&>(one.address)) == address;
  });
  uv_free_interface_addresses(list, count);
  return found;
}

bool is_wildcard(const IpAddress& address) noexcept {
  return std::all_of(address.bytes.begin(), address.bytes.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

AddressKind kind_of(const IpAddress& address) noexcept {
  AddressKind worst = AddressKind::kGlobal;
  const Behind leads = behind(address);
  for (const IpAddress& inner : leads.all()) worst = std::max(worst, kind_of_plain(inner));
  return worst;
}

bool is_global(const Url&, const sockaddr& address) noexcept {
  const auto known = IpAddress::from(address);
  return known && kind_of(*known) == AddressKind::kGlobal;
}

Result<AllowRule> AllowRule::parse(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return not_a_rule(text);
  AllowRule rule;
  if (!parts->port.empty()) {
    const auto port = parts->port.front() == ':' ? read_port(parts->port.substr(1)) : std::nullopt;
    if (!port) return not_a_rule(text);
    rule.port = *port;
  }
  if (auto block = Cidr::parse(parts->where)) {
    if (parts->bracketed && block->network.v4) return not_a_rule(text);
    rule.block = *block;
    return rule;
  } else if (parts->where.find_first_of("/:") != std::string_view::npos || parts->bracketed) {
    return std::move(block).error();
  }
  std::string_view host = without_root_dot(parts->where);
  rule.subdomains = host.starts_with("*.");
  if (rule.subdomains) host.remove_prefix(2);
  // A URL's own rules of what a name is; numbers that are no addresses are none.
  const auto url = Url::parse("https://" + std::string(host));
  if (!url || url->host.size() != host.size() || host.ends_with('.') || IpAddress::parse(host))
    return not_a_rule(text);
  rule.host = url->host;
  return rule;
}

bool AllowRule::names(const Url& url) const noexcept {
  if (host.empty()) return false;
  const std::string_view asked = without_root_dot(url.host);
  if (!subdomains) return asked == host;
  return asked.size() > host.size() + 1 && asked.ends_with(host) &&
         asked[asked.size() - host.size() - 1] == '.';
}

Result<std::vector<AllowRule>> AddressFilter::parse(const std::vector<std::string>& rules) {
  std::vector<AllowRule> parsed;
  for (const std::string& text : rules) {
    auto rule = AllowRule::parse(text);
    if (!rule) return std::move(rule).error();
    parsed.push_back(*std::move(rule));
  }
  return parsed;
}

bool AddressFilter::adds(const AllowRule& rule, const Url& url,
                         const IpAddress& address) const noexcept {
  if (rule.port != 0 && rule.port != url.port) return false;
  if (rule.block) return rule.block->contains(address);
  return rule.names(url) && kind_of(address) != AddressKind::kSpecial;
}

bool AddressFilter::is_listener(const IpAddress& address, std::uint16_t port) const noexcept {
  const std::span known{listeners_.data(), listener_count_.load(std::memory_order_acquire)};
  return std::any_of(known.begin(), known.end(), [&](const Listener& listener) {
    if (listener.port != port) return false;
    if (is_wildcard(listener.address)) return is_of_this_machine(address);
    // Whoever connects to 0.0.0.0 or :: comes to this machine.
    return listener.address == address || is_wildcard(address);
  });
}

bool AddressFilter::allows_plain(const Url& url, const IpAddress& address) const noexcept {
  const bool needs_port = is_listener(address, url.port);
  if (!needs_port && kind_of_plain(address) == AddressKind::kGlobal) return true;
  return std::any_of(rules_.begin(), rules_.end(), [&](const AllowRule& rule) {
    return (!needs_port || rule.port != 0) && adds(rule, url, address);
  });
}

bool AddressFilter::allows(const Url& url, const IpAddress& address) const noexcept {
  const Behind judged = behind(address);
  const auto all = judged.all();
  if (std::all_of(all.begin(), all.end(),
                  [&](const IpAddress& inner) { return allows_plain(url, inner); }))
    return true;
  // A block may also name the outer address, which then leads to no listener of ours.
  return std::none_of(all.begin(), all.end(),
                      [&](const IpAddress& inner) { return is_listener(inner, url.port); }) &&
         std::any_of(rules_.begin(), rules_.end(),
                     [&](const AllowRule& rule) { return rule.block && adds(rule, url, address); });
}

bool AddressFilter::allows(const Url& url, const sockaddr& address) const noexcept {
  const auto known = IpAddress::from(address);
  return known && allows(url, *known);
}

Result<void> AddressFilter::add_listener(const IpAddress& address, std::uint16_t port) {
  const std::lock_guard lock(adding_);
  const std::size_t count = listener_count_.load(std::memory_order_relaxed);
  if (count == kListenersMax)
    return Error{ErrorCode::kTooLarge, "there are too many listeners to be kept from endpoints", 0};
  listeners_[count] = {address.unmapped(), port};
  listener_count_.store(count + 1, std::memory_order_release);
  return {};
}

}  // namespace headrace::dispatch
