// SPDX-License-Identifier: Apache-2.0
#include "dispatch/endpoint.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/check.h"
#include "core/secret_bytes.h"
#include "dispatch/percent.h"

namespace headrace::dispatch {

namespace {

using core::Method;

// Framing is ours to decide, and the webhook headers say which delivery it is.
constexpr std::array<std::string_view, 12> kReservedNames = {
    "connection",    "content-length",    "expect",
    "headrace-test", "keep-alive",        "te",
    "trailer",       "transfer-encoding", "upgrade",
    "webhook-id",    "webhook-signature", "webhook-timestamp"};

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

// RFC 9110 5.6.2.
bool is_token(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

// RFC 9110 5.5: visible characters, spaces and tabs, bytes above ASCII.
bool is_field_value(std::string_view value) noexcept {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

Error invalid(std::string what) { return Error{ErrorCode::kInvalidArgument, std::move(what), 0}; }

Result<void> check(const EndpointSettings& settings) {
  if (settings.method == Method::kOptions || settings.method == Method::kOther) {
    return invalid("an endpoint's method is GET, HEAD, POST, PUT, PATCH or DELETE");
  }
  if (settings.in_flight_max == 0 || settings.in_flight_max > core::limits::kLaneInFlightMax) {
    return invalid("an endpoint allows 1 to 1024 deliveries in flight");
  }
  if (settings.connect_timeout.count() <= 0 || settings.attempt_timeout.count() <= 0) {
    return invalid("a time limit is positive");
  }
  if (settings.breaker && !settings.breaker->valid()) {
    return invalid(
        "a breaker has a window of 10 ms to 24 h, a count of at least 1, a threshold above 0 and "
        "up "
        "to 1, times of 1 ms to 24 h that do not shrink, and 1 to 1024 probes");
  }
  if (settings.rate_limit && !settings.rate_limit->valid()) {
    return invalid("a rate limit lies between 1 a day and 1,000,000 a second, its burst above 0");
  }
  if (settings.retry_after_max.count() < 0 || settings.retry_after_max > RetryPolicy::kDelayMax) {
    return invalid("the longest Retry-After that is believed lies between 0 and 7 days");
  }
  if (settings.retry_share_percent < 1 || settings.retry_share_percent > 99) {
    return invalid("retries have 1 to 99 percent of the turns");
  }
  if ((settings.order == Order::kByKey) == settings.order_by.empty()) {
    return invalid("an order by key needs `order_by`, and no other order has it");
  }
  if (settings.body && settings.body->size() > core::limits::kBodyBytesMax) {
    return Error{ErrorCode::kTooLarge, "an endpoint's body is larger than any message's may be", 0};
  }
  for (const auto& [name, value] : settings.headers) {
    if (!is_token(name)) return invalid("a header's name is not a token");
    if (!is_field_value(value)) return invalid("a header's value holds control characters");
    const std::string key = to_lower(name);
    if (std::find(kReservedNames.begin(), kReservedNames.end(), key) != kReservedNames.end()) {
      return invalid("the header " + key + " is set by the engine");
    }
  }
  return {};
}

// The signature has its line to itself.
Result<void> check_signature(const EndpointSettings& settings) {
  if (settings.signer == nullptr) return {};
  const std::string& name = settings.signer->header();
  constexpr std::string_view kTaken[] = {"host", "user-agent", "content-type", "authorization"};
  const bool is_reserved =
      name != default_header(SignatureShape::kStandard) &&
      std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end();
  if (is_reserved || std::find(std::begin(kTaken), std::end(kTaken), name) != std::end(kTaken))
    return invalid("the header " + name + " is no place for a signature");
  for (const auto& header : settings.headers) {
    if (to_lower(header.first) == name)
      return invalid("the header " + name + " is the signature's");
  }
  return {};
}

void wipe(std::string& text) {
  core::wipe(text.data(), text.size());
  text.clear();
}

void wipe(std::vector<std::pair<std::string, std::string>>& fields) {
  for (auto& [name, value] : fields) wipe(value);
  fields.clear();
}

std::size_t size_of(const std::vector<std::pair<std::string, std::string>>& fields) noexcept {
  std::size_t size = 0;
  for (const auto& [name, value] : fields) size += 3 * (name.size() + value.size()) + 4;
  return size;
}

// Text that holds secrets never moves while it grows, as each move leaves a copy behind.
std::string roomy(const EndpointSettings& settings) {
  std::string text;
  text.reserve(settings.url.size() + size_of(settings.headers) + size_of(settings.query) + 128);
  return text;
}

void append_target(const EndpointSettings& settings, const Url& url, std::string& out) {
  out += url.target;
  char joint = url.target.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : settings.query) {
    out += joint;
    append_percent_encoded(out, name);
    out += '=';
    append_percent_encoded(out, value);
    joint = '&';
  }
}

void append_headers(Endpoint& endpoint, std::string& out) {
  bool names_host = false;
  std::string lines = roomy(endpoint.settings);
  for (const auto& [name, value] : endpoint.settings.headers) {
    std::string key = to_lower(name);
    names_host |= key == "host";
    endpoint.names_agent |= key == "user-agent";
    lines.append(name).append(": ").append(value).append("\r\n");
    endpoint.replaced.push_back(std::move(key));
  }
  if (!names_host) out += "Host: " + endpoint.url.authority() + "\r\n";
  out += lines;
  wipe(lines);
}

// Lays out what every request begins with, and forgets what it was made of.
void make_prefix(Endpoint& endpoint) {
  EndpointSettings& settings = endpoint.settings;
  std::string text = roomy(settings);
  text.append(core::to_string(settings.method)).append(" ");
  const std::size_t target_at = text.size();
  append_target(settings, endpoint.url, text);
  endpoint.query_joint = text.find('?', target_at) == std::string::npos ? '?' : '&';
  endpoint.target_end = text.size();
  text += " HTTP/1.1\r\n";
  append_headers(endpoint, text);
  endpoint.prefix_bytes = core::SecretBytes(text);
  endpoint.prefix = endpoint.prefix_bytes.view();
  wipe(text);
  wipe(settings.url);
  wipe(endpoint.url.target);
  wipe(settings.headers);
  wipe(settings.query);
  if (!settings.body) return;
  endpoint.body_bytes = core::SecretBytes(*settings.body);
  endpoint.body = endpoint.body_bytes.view();
  wipe(*settings.body);
}

// A key is not kept longer than OpenSSL needs to read it.
Result<void> make_tls(Endpoint& endpoint) {
  if (!endpoint.settings.tls) return {};
  EndpointTls& settings = *endpoint.settings.tls;
  // Without its secret it cannot be made, and no connection is.
  auto made = endpoint.settings.missing_secret.empty()
                  ? TlsContext::make(settings)
                  : Result<std::shared_ptr<const TlsContext>>(nullptr);
  wipe(settings.key);
  if (made) {
    endpoint.tls = *std::move(made);
    return {};
  }
  Error error = std::move(made).error();
  if (!error.items.empty()) error.items[0].where.insert(0, "/tls");
  return error;
}

auto has_number(core::EndpointNumber number) noexcept {
  return [number](const Endpoint& endpoint) noexcept { return endpoint.settings.number == number; };
}

// The registry gives numbers out one after the other, so they need no mixing to be spread.
std::uint64_t hash_of(core::EndpointNumber number) noexcept {
  return static_cast<std::uint32_t>(number);
}

}  // namespace

Result<std::shared_ptr<const Endpoint>> make_endpoint(EndpointSettings settings) {
  if (auto checked = check(settings); !checked) return std::move(checked).error();
  if (auto checked = check_signature(settings); !checked) return std::move(checked).error();
  auto url = Url::parse(settings.url);
  if (!url) return std::move(url).error();

  auto endpoint = std::make_shared<Endpoint>();
  endpoint->settings = std::move(settings);
  endpoint->url = std::move(*url);
  if (endpoint->settings.order == Order::kByKey) {
    auto key = OrderKey::of(endpoint->settings.order_by);
    if (!key) return std::move(key).error();
    endpoint->order_key = *std::move(key);
  }
  if (auto made = make_tls(*endpoint); !made) return std::move(made).error();
  const Method method = endpoint->settings.method;
  endpoint->sends_body =
      method != Method::kGet && method != Method::kHead && method != Method::kDelete;
  make_prefix(*endpoint);
  // Of the names that a signature goes by, ingest drops only that of Standard Webhooks.
  const auto& signer = endpoint->settings.signer;
  if (signer != nullptr && signer->header() != default_header(SignatureShape::kStandard))
    endpoint->replaced.push_back(signer->header());
  return std::shared_ptr<const Endpoint>(std::move(endpoint));
}

void EndpointTable::put(std::shared_ptr<const Endpoint> endpoint) {
  HEADRACE_CHECK(endpoint != nullptr);
  const core::EndpointNumber number = endpoint->settings.number;
  by_number_.put(hash_of(number), has_number(number), std::move(endpoint));
}

void EndpointTable::erase(core::EndpointNumber number) {
  by_number_.erase(hash_of(number), has_number(number));
}

const std::shared_ptr<const Endpoint>* EndpointTable::find(
    core::EndpointNumber number) const noexcept {
  return by_number_.find(hash_of(number), has_number(number));
}

}  // namespace headrace::dispatch
