// SPDX-License-Identifier: Apache-2.0
// Where deliveries may go. The first byte chooses: a URL; an address; a rule that an operator
// allows addresses by, and then a URL; a list of blocks.
//
// What is not global is written down here a second time, by numbers. Whatever the C library reads
// as an address must be refused or judged as that very address, and no address that is not global
// may pass without a rule. Whatever is read is read again the same from what it is printed as.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "core/ip_address.h"
#include "dispatch/address_filter.h"
#include "dispatch/url.h"
#include "tests/fuzz/input.h"

namespace headrace::dispatch {
namespace {

using core::Cidr;
using core::IpAddress;
using fuzz::require;

std::uint32_t number_at(const IpAddress& address, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, address.bytes.data() + at, sizeof number);
  return ntohl(number);
}

bool is_global_v4(std::uint32_t a) {
  const auto in = [a](std::uint32_t from, std::uint32_t to) { return a >= from && a <= to; };
  return !in(0x00000000, 0x00ffffff) && !in(0x0a000000, 0x0affffff) &&
         !in(0x64400000, 0x647fffff) && !in(0x7f000000, 0x7fffffff) && a != 0xa83f8110 &&
         !in(0xa9fe0000, 0xa9feffff) && !in(0xac100000, 0xac1fffff) &&
         !in(0xc0000000, 0xc00000ff) && !in(0xc0000200, 0xc00002ff) &&
         !in(0xc0586300, 0xc05863ff) && !in(0xc0a80000, 0xc0a8ffff) &&
         !in(0xc6120000, 0xc613ffff) && !in(0xc6336400, 0xc63364ff) &&
         !in(0xcb007100, 0xcb0071ff) && a < 0xe0000000;
}

bool is_global_v6(const IpAddress& address) {
  const std::uint32_t first = number_at(address, 0), second = number_at(address, 4),
                      third = number_at(address, 8), last = number_at(address, 12);
  if (first == 0 && second == 0 && third == 0x0000ffff) return is_global_v4(last);
  if (first == 0x0064ff9b && second == 0 && third == 0) return is_global_v4(last);
  if (first >> 16 == 0x2002) return is_global_v4(number_at(address, 2));
  if (first == 0x20010000) return is_global_v4(second) && is_global_v4(~last);
  return first >> 29 == 1 && first >> 9 != 0x20010000 >> 9 && first != 0x20010db8 &&
         first >> 12 != 0x3fff0000 >> 12;
}

bool is_global_address(const IpAddress& address) {
  return address.v4 ? is_global_v4(number_at(address, 0)) : is_global_v6(address);
}

sockaddr_storage socket_address(const IpAddress& address) {
  sockaddr_storage storage{};
  if (address.v4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}

void check_address(const IpAddress& address, const Url& url) {
  require(IpAddress::parse(address.to_string()) == address);
  const bool global = is_global_address(address);
  require((kind_of(address) == AddressKind::kGlobal) == global);
  const sockaddr_storage storage = socket_address(address);
  const auto& plain = reinterpret_cast<const sockaddr&>(storage);
  static const AddressFilter kNoRules;
  require(is_global(url, plain) == global);
  require(kNoRules.allows(url, plain) == global);
  require(kNoRules.allows(url, address) == global);
  require(kind_of(address.unmapped()) == kind_of(address));
}

// As the C library reads hosts that are no names: octal, hexadecimal and short forms too.
std::optional<IpAddress> as_read_by_libc(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  std::optional<IpAddress> address;
  if (found->ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, found->ai_addr, sizeof v4);
    address.emplace().v4 = true;
    std::memcpy(address->bytes.data(), &v4.sin_addr, 4);
  } else if (found->ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, found->ai_addr, sizeof v6);
    std::memcpy(address.emplace().bytes.data(), &v6.sin6_addr, 16);
  }
  freeaddrinfo(found);
  return address;
}

void check_host(const Url& url) {
  const auto ours = IpAddress::parse(url.host);
  require(!url.ipv6 || (ours && !ours->v4));
  std::string host = url.host;
  const auto theirs = as_read_by_libc(host);
  require(theirs == ours);
  if (host.ends_with('.')) host.pop_back();
  require(ours || !as_read_by_libc(host));
  in_addr short_form{};
  require(ours || inet_aton(host.c_str(), &short_form) == 0);
  if (ours) check_address(*ours, url);
}

std::string print(const Url& url) {
  return (url.tls ? "https://" : "http://") + url.authority() + url.target;
}

bool same(const Url& a, const Url& b) {
  return a.tls == b.tls && a.host == b.host && a.ipv6 == b.ipv6 && a.port == b.port &&
         a.target == b.target;
}

void run_url(std::string_view text) {
  const auto url = Url::parse(text);
  if (!url) {
    const Error& error = url.error();
    require(error.code == ErrorCode::kMalformed || error.code == ErrorCode::kTooLarge);
    require(error.detail >= 0 && error.detail <= static_cast<std::int64_t>(text.size()));
    return;
  }
  require(text.size() <= Url::kBytesMax);
  require(!url->host.empty() && url->port != 0 && url->target.starts_with('/'));
  // Nothing that ends a line of a request, or a host that another reader would end elsewhere.
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };
  require(std::all_of(url->target.begin(), url->target.end(), is_plain));
  require(std::all_of(url->host.begin(), url->host.end(), is_plain));
  require(url->host.find_first_of("@/\\?#[]%") == std::string::npos);
  require(url->target.find('#') == std::string::npos);
  check_host(*url);
  const std::string printed = print(*url);
  if (printed.size() > Url::kBytesMax) return;  // a slash more than it had
  const auto again = Url::parse(printed);
  require(again && same(*again, *url) && print(*again) == printed);
}

void run_address(fuzz::Input input) {
  IpAddress address;
  const std::string_view raw = input.take(16);
  address.v4 = raw.size() <= 4;
  std::copy(raw.begin(), raw.end(), address.bytes.begin());
  const auto url = Url::parse("https://a.test");
  check_address(address, *url);
  const sockaddr_storage storage = socket_address(address);
  require(IpAddress::from(reinterpret_cast<const sockaddr&>(storage)) == address.unmapped());
}

void check_block(const Cidr& block) {
  const auto again = Cidr::parse(block.to_string());
  require(again && *again == block && again->to_string() == block.to_string());
  require(block.contains(block.network));
  require(block.prefix <= (block.network.v4 ? 32u : 128u));
  if (block.prefix == 0) return;
  IpAddress outside = block.network;
  const unsigned bit = block.prefix - 1;
  outside.bytes[bit / 8] = static_cast<std::uint8_t>(outside.bytes[bit / 8] ^ 0x80U >> bit % 8);
  require(!block.contains(outside));
}

void run_rule(std::string_view text, std::string_view url_text) {
  auto rule = AllowRule::parse(text);
  if (!rule) {
    require(rule.error().code == ErrorCode::kInvalidArgument);
    return;
  }
  require(rule->block.has_value() == rule->host.empty());
  if (rule->block) check_block(*rule->block);
  const auto url = Url::parse(url_text);
  if (!rule->block) {
    // A name is never an address, and covers itself or what lies below it, never both.
    require(!IpAddress::parse(rule->host) && !rule->host.ends_with('.'));
    const auto own = Url::parse("https://" + rule->host);
    require(own && own->host == rule->host && rule->names(*own) != rule->subdomains);
    const auto below = Url::parse("https://a." + rule->host);
    if (below) require(rule->names(*below) == rule->subdomains);
    const auto beside = Url::parse("https://a" + rule->host);
    if (beside) require(!rule->names(*beside));
  }
  const AllowRule kept = *rule;
  const AddressFilter filter({*std::move(rule)});
  if (!url) return;
  for (const char* inner : {"10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254",
                            "::ffff:10.0.0.1", "64:ff9b::7f00:1", "8.8.8.8", "2600::1"}) {
    const IpAddress address = *IpAddress::parse(inner);
    const bool passes = filter.allows(*url, address);
    if (is_global_address(address)) {
      require(passes);
      continue;
    }
    if (kept.port != 0 && kept.port != url->port) require(!passes);
    if (kept.block) continue;
    require(passes == ((kept.port == 0 || kept.port == url->port) && kept.names(*url) &&
                       kind_of(address) == AddressKind::kPrivate));
  }
}

void run_blocks(std::string_view text) {
  const auto blocks = core::parse_cidr_list(text);
  if (!blocks) {
    require(blocks.error().code == ErrorCode::kInvalidArgument);
    return;
  }
  std::string printed;
  for (const Cidr& block : *blocks) {
    check_block(block);
    printed += (printed.empty() ? "" : ", ") + block.to_string();
  }
  const auto again = core::parse_cidr_list(printed);
  require(again && *again == *blocks);
}

}  // namespace
}  // namespace headrace::dispatch

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::dispatch;
  headrace::fuzz::Input input(data, size);
  switch (input.byte() % 4) {
    case 0:
      run_url(headrace::fuzz::Exact(input.rest()).view());
      break;
    case 1:
      run_address(input);
      break;
    case 2: {
      const std::string_view rule = input.line();
      run_rule(rule, input.rest());
      break;
    }
    default:
      run_blocks(headrace::fuzz::Exact(input.rest()).view());
  }
  return 0;
}
