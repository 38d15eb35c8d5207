// SPDX-License-Identifier: Apache-2.0
// Which addresses an endpoint may lie at: URLs are written by people who are not to reach what this
// machine reaches.
//
// Judged is the address, after the name was resolved and each time before it is connected to: what
// a name resolves to is its owner's choice, and changes. Sources: IANA's registries of
// special-purpose addresses (RFC 6890), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ip_address.h"
#include "dispatch/url.h"
#include "headrace/result.h"

namespace headrace::dispatch {

enum class AddressKind : std::uint8_t {
  kGlobal,   // everybody on the internet reaches it
  kPrivate,  // this machine, or a network of the operator's: loopback, RFC 1918, RFC 6598, RFC 4193
  kSpecial,  // nobody's endpoint: link-local, metadata services, documentation, multicast, reserved
};

// What an address is by itself. Of one that holds IPv4 addresses (mapped, NAT64, 6to4, Teredo): the
// worst of what it leads to.
AddressKind kind_of(const core::IpAddress& address) noexcept;

// Whether a connection to this address may be made for this URL; the port is the URL's.
using AddressCheck = std::function<bool(const Url& url, const sockaddr& address)>;

// For whoever has no rules.
bool is_global(const Url& url, const sockaddr& address) noexcept;

// One line of the operator's list.
struct AllowRule {
  std::optional<core::Cidr> block;  // none: the host is named
  std::string host;                 // lower case, without the root's dot
  bool subdomains = false;          // the names below `host`, not itself
  std::uint16_t port = 0;           // 0: any

  // "10.0.0.0/8", "127.0.0.1:9000", "[fd00::/8]:443", "hooks.internal", "*.corp.example:8443".
  // kInvalidArgument names the text.
  static Result<AllowRule> parse(std::string_view text);
  bool names(const Url& url) const noexcept;
};

// Threads: allows() from any; add_listener() from any, also meanwhile.
// Limits: kListenersMax.
class AddressFilter {
 public:
  static constexpr std::size_t kListenersMax = 16;

  explicit AddressFilter(std::vector<AllowRule> rules = {}) noexcept : rules_(std::move(rules)) {}
  AddressFilter(const AddressFilter&) = delete;
  AddressFilter& operator=(const AddressFilter&) = delete;

  // kInvalidArgument names the rule at fault.
  static Result<std::vector<AllowRule>> parse(const std::vector<std::string>& rules);

  // Global addresses, and what a rule adds: a block adds every address in it, a name adds private
  // ones that it resolves to. Our own listeners never, unless a rule says so with their port.
  bool allows(const Url& url, const core::IpAddress& address) const noexcept;
  bool allows(const Url& url, const sockaddr& address) const noexcept;
  // The machine's own addresses are meant by 0.0.0.0 and ::. kTooLarge: there is no room for it.
  Result<void> add_listener(const core::IpAddress& address, std::uint16_t port);

 private:
  struct Listener {
    core::IpAddress address;
    std::uint16_t port = 0;
  };
  bool adds(const AllowRule& rule, const Url& url, const core::IpAddress& address) const noexcept;
  bool is_listener(const core::IpAddress& address, std::uint16_t port) const noexcept;
  bool allows_plain(const Url& url, const core::IpAddress& address) const noexcept;

  const std::vector<AllowRule> rules_;
  std::mutex adding_;  // of those who add; who asks reads what `listener_count_` covers
  std::array<Listener, kListenersMax> listeners_{};
  std::atomic<std::size_t> listener_count_{0};
};

}  // namespace headrace::dispatch
