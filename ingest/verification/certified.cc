// SPDX-License-Identifier: Apache-2.0
// Providers that sign with the key of a certificate: PayPal and AWS SNS. The certificate is
// configured; the address of one that a message gives is never asked.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/encoding.h"
#include "core/http_grammar.h"
#include "ingest/verification/body_json.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/credentials.h"
#include "ingest/verification/received_parts.h"

namespace headrace::verification {
namespace {

constexpr std::size_t kSignatureBytesMax = 1024;  // of an RSA key of 8192 bits

// Why it is not signed by one of the keys, if it is not.
const char* check_signature(const std::vector<PublicKey>& keys, core::Hash hash,
                            std::span<const std::string_view> pieces, std::string_view base64,
                            core::WallMs now) {
  std::array<char, kSignatureBytesMax> bytes{};
  const auto size = core::read_base64(base64, bytes);
  if (!size || *size == 0) return "the signature is not written as one";
  for (const PublicKey& key : keys) {
    if (!key.verify(hash, pieces, {bytes.data(), *size})) continue;
    return key.valid_at(now) ? nullptr : "the certificate's time is over, or has not come";
  }
  return "the signature is wrong";
}

// PayPal, "Integrate webhooks": of the body only its CRC-32 is signed.
class PayPal final : public Scheme {
 public:
  PayPal(std::vector<PublicKey> keys, std::string webhook_id, Tolerance tolerance)
      : keys_(std::move(keys)), webhook_id_(std::move(webhook_id)), tolerance_(tolerance) {}

  Judgement judge(const Received& received) const override {
    const HeaderValue id = header_of(received, "paypal-transmission-id");
    const HeaderValue time = header_of(received, "paypal-transmission-time");
    const HeaderValue signature = header_of(received, "paypal-transmission-sig");
    const HeaderValue algorithm = header_of(received, "paypal-auth-algo");
    if (signature.missing()) return refused("there is no signature, or more than one");
    if (id.missing() || time.missing()) return refused("there is no id or no time");
    if (algorithm.value != "SHA256withRSA") return refused("the algorithm is not SHA256withRSA");
    if (id.value.find('|') != std::string_view::npos)
      return refused("the id has in it what ends it");
    const auto sent = parse_time(time.value, TimeForm::kRfc3339);
    if (!sent) return refused("the time is not written as one");
    if (!tolerance_.allows(*sent, received.now)) return refused("the time is too far from now");
    const auto* bytes = reinterpret_cast<const Bytef*>(received.body.data());
    const std::string crc = std::to_string(crc32_z(0, bytes, received.body.size()));
    const std::array<std::string_view, 7> pieces = {id.value,    "|", time.value, "|",
                                                    webhook_id_, "|", crc};
    if (const char* fault =
            check_signature(keys_, core::Hash::kSha256, pieces, signature.value, received.now))
      return refused(fault);
    return genuine(replay_id_of(id.value));
  }
  Terms terms() const noexcept override { return terms_of(tolerance_); }

 private:
  const std::vector<PublicKey> keys_;
  const std::string webhook_id_;
  const Tolerance tolerance_;
};

bool is_line(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

constexpr bool is_letter_or_digit(char c) noexcept {
  const char lower = core::http::to_lower(c);
  return (lower >= 'a' && lower <= 'z') || core::http::is_digit(c);
}

// ^sns\.[a-zA-Z0-9\-]{3,}\.amazonaws\.com(\.cn)?$
bool is_sns_host(std::string_view host) noexcept {
  constexpr std::string_view kBefore = "sns.";
  if (!host.starts_with(kBefore)) return false;
  host.remove_prefix(kBefore.size());
  for (const std::string_view after : {".amazonaws.com", ".amazonaws.com.cn"}) {
    if (!host.ends_with(after)) continue;
    const std::string_view region = host.substr(0, host.size() - after.size());
    if (region.size() >= 3 && std::all_of(region.begin(), region.end(),
                                          [](char c) { return is_letter_or_digit(c) || c == '-'; }))
      return true;
  }
  return false;
}

// Of https, without a port or a user, and of nothing but visible ASCII. None: it is no such URL.
std::optional<std::string_view> sns_path(std::string_view url) noexcept {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos || !is_sns_host(url.substr(0, slash))) return std::nullopt;
  const std::string_view path = url.substr(slash);
  const bool plain = std::all_of(path.begin(), path.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  return plain ? std::optional(path) : std::nullopt;
}

// Amazon SNS, "Verifying the signatures of Amazon SNS messages". Anybody can have SNS sign a
// message of a topic of their own: whose topic it is decides.
class Sns final : public Scheme {
 public:
  struct Options {
    std::vector<std::string> topics;
    Tolerance tolerance;
  };
  Sns(std::vector<PublicKey> keys, Options options)
      : keys_(std::move(keys)), options_(std::move(options)) {}

  Judgement judge(const Received& received) const override {
    const BodyJson body(received.body);
    if (!body.root()) return refused("the body is no message of SNS");
    const simdjson::dom::object root = *body.root();
    const auto type = text_of(root, "Type");
    const auto id = text_of(root, "MessageId");
    if (!type || !id || id->empty()) return refused("the body is no message of SNS");
    if (const char* fault = check_origin(root, received.now)) return refused(fault);
    const bool asks = *type != "Notification";
    if (asks && *type != "SubscriptionConfirmation" && *type != "UnsubscribeConfirmation")
      return refused("the body is no message of SNS");
    if (const char* fault = check_signed(root, asks, received.now)) return refused(fault);
    if (*type == "SubscriptionConfirmation") return confirm(root);
    return genuine(ReplayId(core::digest_of(core::Hash::kSha256, *id)));
  }
  Terms terms() const noexcept override { return terms_of(options_.tolerance); }

 private:
  const char* check_origin(simdjson::dom::object root, core::WallMs now) const {
    const auto certificate = text_of(root, "SigningCertURL");
    const auto path = certificate ? sns_path(*certificate) : std::nullopt;
    if (!path || !path->ends_with(".pem")) return "the certificate's URL is none of SNS";
    const auto topic = text_of(root, "TopicArn");
    if (!topic ||
        std::find(options_.topics.begin(), options_.topics.end(), *topic) == options_.topics.end())
      return "the topic is none of those that are configured";
    const auto time = text_of(root, "Timestamp");
    const auto sent = time ? parse_time(*time, TimeForm::kRfc3339) : std::nullopt;
    if (!sent) return "the time is not written as one";
    return options_.tolerance.allows(*sent, now) ? nullptr : "the time is too far from now";
  }

  const char* check_signed(simdjson::dom::object root, bool asks, core::WallMs now) const {
    const auto version = text_of(root, "SignatureVersion");
    if (version != "1" && version != "2") return "the signature's version is neither 1 nor 2";
    const auto signature = text_of(root, "Signature");
    if (!signature) return "the body has no signature in it";
    std::string text;
    for (const char* name : {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp",
                             "Token", "TopicArn", "Type"}) {
      const std::string_view member(name);
      const bool of_asking = member == "SubscribeURL" || member == "Token";
      if (of_asking && !asks) continue;
      if (member == "Subject" && asks) continue;
      const Member found = member_of(root, member);
      if (member == "Subject" && (found.count == 0 || (found.one() && found.value.is_null())))
        continue;
      std::string_view value;
      if (!found.one() || found.value.get_string().get(value))
        return "a member that is signed is missing, or is there more than once";
      // Else its lines could be taken for other members. With the one text that may have several
      // in front, what is signed can be read in one way only: from its end.
      if (member != "Message" && !is_line(value))
        return "a member that is signed has a line's end or its like in it";
      text.append(member).append("\n").append(value).append("\n");
    }
    const std::string_view piece = text;
    return check_signature(keys_, version == "1" ? core::Hash::kSha1 : core::Hash::kSha256,
                           std::span(&piece, 1), *signature, now);
  }

  static Judgement confirm(simdjson::dom::object root) {
    const auto url = text_of(root, "SubscribeURL");
    if (!url || !sns_path(*url)) return refused("the URL to confirm at is none of SNS");
    Reply reply;
    reply.confirm_url = *url;
    return replied(std::move(reply));
  }

  const std::vector<PublicKey> keys_;
  const Options options_;
};

}  // namespace

std::unique_ptr<const Scheme> make_paypal(Settings& settings) {
  auto keys = read_public_keys(settings, "certificates", PublicKey::Kind::kRsa);
  // Sent again for three days, and no word on whether with another time.
  const Tolerance tolerance{settings.duration("tolerance", std::nullopt), false};
  return std::make_unique<PayPal>(std::move(keys), settings.required_text("webhook_id"), tolerance);
}

std::unique_ptr<const Scheme> make_aws_sns(Settings& settings) {
  auto keys = read_public_keys(settings, "certificates", PublicKey::Kind::kRsa);
  Sns::Options options;
  options.topics = settings.texts("topics");
  if (options.topics.empty())
    settings.fail("topics", "must have the ARN of the topic: SNS signs for everybody's topics");
  // Sent again for an hour at most, with the time at which it was published.
  options.tolerance = {settings.duration("tolerance", kLongTolerance), false};
  return std::make_unique<Sns>(std::move(keys), std::move(options));
}

}  // namespace headrace::verification
