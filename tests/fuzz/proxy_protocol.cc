// SPDX-License-Identifier: Apache-2.0
// Whose request it is. The first byte chooses: the beginning of a connection that may be a PROXY
// header; or header lines that a proxy sent, read as X-Forwarded-For or as Forwarded.
//
// A verdict never changes with what comes later and is there as soon as the header is. Of proxies'
// fields, a second, simple reading from the right must find the same client; who is not trusted is
// not believed; and what a client puts in front of its proxy's word changes nothing.
#include "ingest/proxy_protocol.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/http_grammar.h"
#include "core/limits.h"
#include "ingest/client_address.h"
#include "tests/fuzz/input.h"

namespace headrace::ingest {
namespace {

using core::IpAddress;
using fuzz::require;
using Status = ProxyHeader::Status;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.status == b.status && a.size == b.size && a.client == b.client;
}

// The line that says the same.
std::string line_of(const IpAddress& client) {
  const std::string text = client.to_string();
  const std::string other = client.v4 ? "192.0.2.1" : "2001:db8::1";
  return (client.v4 ? "PROXY TCP4 " : "PROXY TCP6 ") + text + " " + other + " 1 65535\r\n";
}

void check_header(std::string_view bytes, const ProxyHeader& header) {
  require(header.size <= core::limits::kProxyHeaderBytesMax && header.size <= bytes.size());
  const std::string_view own = bytes.substr(0, header.size);
  const bool is_line = own.starts_with("PROXY ") && own.ends_with("\r\n");
  require(is_line || own.starts_with("\r\n\r\n"));
  if (is_line) require(own.find('\n') == own.size() - 1 && own.size() <= 107);
  if (!header.client) return;
  require(*header.client == header.client->unmapped());
  const std::string line = line_of(*header.client);
  const ProxyHeader again = read_proxy_header(line);
  require(again.status == Status::kComplete && again.size == line.size());
  require(again.client == header.client);
}

void run_header(std::string_view bytes) {
  const ProxyHeader whole = read_proxy_header(fuzz::Exact(bytes).view());
  std::optional<ProxyHeader> decided;
  for (std::size_t size = 0; size <= bytes.size() && !decided; ++size) {
    const ProxyHeader part = size < 256
                                 ? read_proxy_header(fuzz::Exact(bytes.substr(0, size)).view())
                                 : read_proxy_header(bytes.substr(0, size));
    require(part.status != Status::kNeedMore || size < core::limits::kProxyHeaderBytesMax);
    if (part.status == Status::kNeedMore) continue;
    // Nothing of what the client itself says is waited for.
    if (part.status == Status::kComplete) require(part.size == size);
    decided = part;
  }
  require(same(decided.value_or(ProxyHeader{}), whole));
  if (whole.status == Status::kComplete) {
    check_header(bytes, whole);
    // What follows is not looked at.
    require(
        same(read_proxy_header(std::string(bytes.substr(0, whole.size)) + "\r\nPROXY "), whole));
  } else {
    require(whole.size == 0 && !whole.client);
  }
}

struct Head {
  std::string wire;
  core::RequestParser parser;
};

// None: the lines are no header lines.
bool parse(std::string_view lines, Head& head) {
  head.wire = "POST /in/x HTTP/1.1\r\nHost: a\r\n";
  for (const char c : lines) {
    if (c == '\n') head.wire += '\r';
    head.wire += c;
  }
  head.wire += "\r\n\r\n";
  return head.parser.parse(head.wire.data(), head.wire.size()) ==
         core::RequestParser::Status::kHeadComplete;
}

std::optional<IpAddress> hop_of(std::string_view text) {
  if (const auto plain = IpAddress::parse(text)) return plain;
  const std::size_t colon = text.rfind(':');
  std::string_view host = text, port = "0";
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos)
    return std::nullopt;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  return address && address->v4 == !bracketed ? address : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (bool more = true; more;) {
    const std::size_t at = text.find(separator);
    parts.push_back(core::http::trim(text.substr(0, at)));
    more = at != std::string_view::npos;
    text.remove_prefix(more ? at + 1 : text.size());
  }
  return parts;
}

// The value of an element's `for`, without quotes; two of them are none.
std::string_view forwarded_node(std::string_view element) {
  std::string_view node;
  int count = 0;
  for (const std::string_view pair : split(element, ';')) {
    if (pair.find('=') != 3 || !core::http::equals_lower(pair.substr(0, 3), "for")) {
      // A `for` without a value counts, too.
      if (core::http::equals_lower(pair, "for")) ++count, node = {};
      continue;
    }
    ++count;
    node = pair.substr(4);
  }
  if (node.size() >= 2 && node.front() == '"' && node.back() == '"')
    node = node.substr(1, node.size() - 2);
  return count == 1 ? node : std::string_view{};
}

// From the right; needs all hops, and that no quote holds a separator. Nullopt: one might.
std::optional<IpAddress> expected(const Head& head, const IpAddress& peer,
                                  const ClientRules& rules) {
  const bool standard = rules.field == ClientField::kForwarded;
  std::vector<std::optional<IpAddress>> hops;
  const core::RequestHead& fields = head.parser.head();
  for (std::size_t i = 0; i < fields.field_count; ++i) {
    if (!core::http::equals_lower(fields.fields[i].name.in(head.wire.data()),
                                  standard ? "forwarded" : "x-forwarded-for"))
      continue;
    const std::string_view value = fields.fields[i].value.in(head.wire.data());
    if (standard && value.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
    for (const std::string_view element : split(value, ','))
      if (!element.empty()) hops.push_back(hop_of(standard ? forwarded_node(element) : element));
  }
  IpAddress client = peer;
  for (auto hop = hops.rbegin(); hop != hops.rend() && *hop; ++hop) {
    client = **hop;
    if (!contains(rules.trusted_proxies, client)) break;
  }
  return client;
}

void run_fields(ClientField field, std::string_view lines) {
  static const std::vector<core::Cidr> kTrusted = *core::parse_cidr_list("10.0.0.0/8,fd00::/8");
  const ClientRules rules{.trusted_proxies = kTrusted, .field = field};
  const IpAddress proxy = IpAddress::of_v4(10, 0, 0, 1);
  const IpAddress stranger = IpAddress::of_v4(192, 0, 2, 9);
  Head head;
  if (!parse(lines, head)) return;
  const auto client_in = [&](const Head& of, const IpAddress& peer) {
    return client_of(of.parser.head(), of.wire.data(), peer, rules);
  };
  require(client_in(head, stranger) == stranger);
  const IpAddress client = client_in(head, proxy);
  if (const auto wanted = expected(head, proxy, rules)) require(client == *wanted);
  if (contains(kTrusted, client)) return;
  Head forged;
  const std::string line = field == ClientField::kForwarded ? "Forwarded: for=198.51.100.7\n"
                                                            : "X-Forwarded-For: 198.51.100.7\n";
  if (parse(line + std::string(lines), forged)) require(client_in(forged, proxy) == client);
}

}  // namespace
}  // namespace headrace::ingest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::ingest;
  headrace::fuzz::Input input(data, size);
  switch (input.byte() % 3) {
    case 0:
      run_header(input.rest());
      break;
    case 1:
      run_fields(ClientField::kXForwardedFor, input.rest());
      break;
    default:
      run_fields(ClientField::kForwarded, input.rest());
  }
  return 0;
}
