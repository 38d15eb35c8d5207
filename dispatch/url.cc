// SPDX-License-Identifier: Apache-2.0
#include "dispatch/url.h"

#include <algorithm>
#include <charconv>

#include "core/ip_address.h"

namespace headrace::dispatch {

namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kHostBytesMax = 253;  // RFC 1035, 2.3.4, without the root's dot
constexpr std::size_t kLabelBytesMax = 63;

Error fault(std::size_t offset, const char* what) {
  return Error{ErrorCode::kMalformed, what, static_cast<std::int64_t>(offset)};
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_alnum(char c) noexcept { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }
bool is_hex(char c) noexcept { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

bool starts_with_no_case(std::string_view text, std::string_view lower_prefix) noexcept {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char want, char have) { return want == lower(have); });
}

// pchar, '/' and '?' of RFC 3986 3.3 and 3.4.
bool is_target_byte(char c) noexcept {
  return is_alnum(c) || std::string_view{"-._~!$&'()*+,;=:@/?%"}.find(c) != std::string_view::npos;
}

// Returns the offset of the first byte that no target may hold, or npos.
std::size_t first_bad_target_byte(std::string_view target) noexcept {
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (!is_target_byte(target[i])) return i;
    if (target[i] != '%') continue;
    if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])) return i;
  }
  return std::string_view::npos;
}

// Letters, digits, hyphens and underscores (they occur) in labels; one trailing dot is allowed.
bool is_host_name(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > kHostBytesMax) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!is_alnum(c) && c != '-' && c != '_') return false;
    if (++label > kLabelBytesMax) return false;
  }
  return label != 0;
}

// A host whose last label is a number is an IPv4 address or nothing: "1.2.3", "0x7f.1" and
// "2130706433" are read as addresses by some resolvers and as names by others.
bool ends_in_number(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (starts_with_no_case(last, "0x")) {
    return std::all_of(last.begin() + 2, last.end(), is_hex);
  }
  return std::all_of(last.begin(), last.end(), is_digit);
}

// By the whole text: a NUL ends what the C library looks at, and what stood behind it would reach
// the Host header as it is.
bool is_ipv4(std::string_view host) noexcept {
  const auto address = core::IpAddress::parse(host);
  return address && address->v4;
}

bool is_ipv6(std::string_view host) noexcept {
  const auto address = core::IpAddress::parse(host);
  return address && !address->v4;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Url> read() {
    if (auto scheme = read_scheme(); !scheme) return std::move(scheme).error();
    const std::size_t end = std::min(text_.find_first_of("/?#", at_), text_.size());
    const std::string_view authority = text_.substr(at_, end - at_);
    if (auto read = read_authority(authority); !read) return std::move(read).error();
    at_ = end;
    if (auto read = read_target(); !read) return std::move(read).error();
    return std::move(url_);
  }

 private:
  Result<void> read_scheme() {
    for (const std::string_view scheme :
         {std::string_view{"http://"}, std::string_view{"https://"}}) {
      if (!starts_with_no_case(text_, scheme)) continue;
      url_.tls = scheme.size() == 8;
      at_ = scheme.size();
      return {};
    }
    return fault(0, "a URL begins with http:// or https://");
  }

  Result<void> read_authority(std::string_view authority) {
    if (authority.find('@') != std::string_view::npos) {
      return fault(at_ + authority.find('@'), "a URL holds no user name or password here");
    }
    std::size_t host_end = std::min(authority.find(':'), authority.size());
    if (authority.starts_with('[')) {
      host_end = authority.find(']');
      if (host_end == std::string_view::npos) return fault(at_, "the IPv6 address is not closed");
      url_.ipv6 = true;
      url_.host = authority.substr(1, host_end - 1);
      ++host_end;
    } else {
      url_.host = authority.substr(0, host_end);
    }
    std::transform(url_.host.begin(), url_.host.end(), url_.host.begin(), lower);
    const bool valid =
        url_.ipv6 ? is_ipv6(url_.host)
                  : is_host_name(url_.host) && (!ends_in_number(url_.host) || is_ipv4(url_.host));
    if (!valid) return fault(at_, "the host is not a name or an address");
    return read_port(authority.substr(host_end), at_ + host_end);
  }

  Result<void> read_port(std::string_view text, std::size_t offset) {
    url_.port = url_.tls ? kHttpsPort : kHttpPort;
    if (text.empty()) return {};
    const std::string_view digits = text.substr(1);
    if (text.front() != ':' || digits.empty() || digits.size() > 5 ||
        !std::all_of(digits.begin(), digits.end(), is_digit)) {
      return fault(offset, "the port is not a number");
    }
    unsigned port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (port == 0 || port > 65'535) return fault(offset + 1, "a port lies between 1 and 65535");
    url_.port = static_cast<std::uint16_t>(port);
    return {};
  }

  Result<void> read_target() {
    const std::string_view target = text_.substr(at_);
    if (const std::size_t hash = target.find('#'); hash != std::string_view::npos) {
      return fault(at_ + hash, "a URL has no fragment here");
    }
    if (const std::size_t bad = first_bad_target_byte(target); bad != std::string_view::npos) {
      return fault(at_ + bad, "the path or query holds a byte that must be percent-encoded");
    }
    if (!target.starts_with('/')) url_.target.push_back('/');
    url_.target += target;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Url url_;
};

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kBytesMax)
    return Error{ErrorCode::kTooLarge, "a URL has at most 4096 bytes", 0};
  return Reader{text}.read();
}

std::string Url::authority() const {
  std::string text;
  if (ipv6) text += '[';
  text += host;
  if (ipv6) text += ']';
  if (port != (tls ? kHttpsPort : kHttpPort)) text.append(":").append(std::to_string(port));
  return text;
}

}  // namespace headrace::dispatch
