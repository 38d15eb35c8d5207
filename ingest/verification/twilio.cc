// SPDX-License-Identifier: Apache-2.0
// Twilio, "Webhooks Security": HMAC-SHA1 over the URL and the fields of a form in order of their
// names, or over a URL that has the digest of the body in it. Twilio may leave a port out of the
// URL or put one in, so both are tried.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/encoding.h"
#include "core/http_grammar.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/credentials.h"
#include "ingest/verification/received_parts.h"
#include "selector/form.h"

namespace headrace::verification {
namespace {

bool is_form(const Received& received) noexcept {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  const HeaderValue type = header_of(received, "content-type");
  const std::string_view value = type.value.substr(0, type.value.find(';'));
  return core::http::equals_lower(core::http::trim(value), kForm);
}

// Names and values, each once, in order.
std::string sorted_fields(std::string_view body) {
  std::vector<std::pair<std::string, std::string>> fields;
  selector::FormField field;
  while (selector::next_form_field(body, field)) {
    auto& [name, value] = fields.emplace_back();
    selector::append_form_decoded(field.name, name);
    selector::append_form_decoded(field.value, value);
  }
  std::sort(fields.begin(), fields.end());
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append(value);
  return text;
}

struct UrlParts {
  std::string_view origin;  // without a port
  std::string_view port;    // with its colon
  std::string_view rest;
};

UrlParts parts_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?", begin), url.size());
  const std::string_view authority = url.substr(0, end);
  // Neither the colons of an IPv6 address nor that of a password are a port's.
  const std::size_t bracket = authority.rfind(']');
  const std::size_t at = authority.rfind('@');
  std::size_t host = begin;
  if (at != std::string_view::npos) host = at + 1;
  if (bracket != std::string_view::npos) host = std::max(host, bracket + 1);
  const std::size_t colon = std::min(authority.find(':', host), authority.size());
  return {authority.substr(0, colon), authority.substr(colon), url.substr(end)};
}

class Twilio final : public Scheme {
 public:
  Twilio(std::vector<core::HmacKey> keys, std::string url)
      : keys_(std::move(keys)), url_(std::move(url)) {}

  Judgement judge(const Received& received) const override;
  bool needs_url() const noexcept override { return url_.empty(); }

 private:
  bool matches(std::string_view signature, const UrlParts& url, std::string_view port,
               std::string_view fields) const noexcept;

  const std::vector<core::HmacKey> keys_;
  const std::string url_;
};

bool Twilio::matches(std::string_view signature, const UrlParts& url, std::string_view port,
                     std::string_view fields) const noexcept {
  const std::array<std::string_view, 4> pieces = {url.origin, port, url.rest, fields};
  return std::any_of(keys_.begin(), keys_.end(), [&](const core::HmacKey& key) {
    std::array<char, core::base64_size(core::Digest::kBytesMax)> text{};
    const std::size_t size = core::write_base64(key.sign(pieces).view(), text.data());
    return core::equal_in_constant_time(signature, {text.data(), size});
  });
}

Judgement Twilio::judge(const Received& received) const {
  const HeaderValue signature = header_of(received, "x-twilio-signature");
  if (signature.several) return refused("the signature's header is there more than once");
  if (signature.value.empty()) return refused("there is no signature");
  std::string url = url_;
  if (url.empty()) {
    url = received.url;
  } else if (!received.query.empty()) {
    url.append("?").append(received.query);
  }
  if (!url.starts_with("http")) return refused("the public URL is not known");
  std::string fields;
  if (const auto digest = query_parameter(received.query, "bodySHA256")) {
    if (!core::equal_in_constant_time(
            *digest, core::to_hex(core::digest_of(core::Hash::kSha256, received.body).view())))
      return refused("the body is not the one that was signed");
  } else if (is_form(received)) {
    fields = sorted_fields(received.body);
  } else if (!received.body.empty()) {
    return refused("the body is not signed");
  }
  const UrlParts parts = parts_of(url);
  const std::string_view usual_port = url.starts_with("https:") ? ":443" : ":80";
  for (const std::string_view port : {parts.port, usual_port, std::string_view()})
    if (matches(signature.value, parts, port, fields)) return genuine();
  return refused("the signature is wrong");
}

}  // namespace

std::unique_ptr<const Scheme> make_twilio(Settings& settings) {
  auto keys = read_hmac_keys(settings, KeyForm::kText, core::Hash::kSha1);
  return std::make_unique<Twilio>(std::move(keys), read_url(settings));
}

}  // namespace headrace::verification
