// SPDX-License-Identifier: Apache-2.0
// Providers whose proof is in the body: Mailgun, Adyen and Microsoft Graph.
// What of the body is not signed is not proved by anything.
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/encoding.h"
#include "ingest/verification/body_json.h"
#include "ingest/verification/challenges.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/credentials.h"

namespace headrace::verification {
namespace {

constexpr const char* kNoSignature = "the body has no signature in it";
constexpr const char* kWrong = "the signature is wrong";

// Mailgun, "Securing Webhooks": the time and a token that is never used twice, joined.
class Mailgun final : public Scheme {
 public:
  Mailgun(std::vector<core::HmacKey> keys, Tolerance tolerance)
      : keys_(std::move(keys)), tolerance_(tolerance) {}

  Judgement judge(const Received& received) const override {
    const BodyJson body(received.body);
    const auto parts = body.root() ? object_of(*body.root(), "signature") : std::nullopt;
    if (!parts) return refused(kNoSignature);
    const auto time = text_of(*parts, "timestamp");
    const auto token = text_of(*parts, "token");
    const auto signature = text_of(*parts, "signature");
    if (!time || !token || token->empty() || !signature) return refused(kNoSignature);
    const auto sent = parse_time(*time, TimeForm::kSeconds);
    if (!sent) return refused("the time is not written as one");
    if (!tolerance_.allows(*sent, received.now)) return refused("the time is too far from now");
    const std::array<std::string_view, 2> pieces = {*time, *token};
    for (const core::HmacKey& key : keys_)
      if (core::equal_in_constant_time(*signature, core::to_hex(key.sign(pieces).view())))
        // Of both: where the time ends and the token begins is not signed.
        return genuine(ReplayId(core::digest_of(core::Hash::kSha256, pieces)));
    return refused(kWrong);
  }
  Terms terms() const noexcept override { return terms_of(tolerance_); }

 private:
  const std::vector<core::HmacKey> keys_;
  const Tolerance tolerance_;
};

// Adyen, "Verify HMAC signatures": eight members joined by colons, of the one item.
class Adyen final : public Scheme {
 public:
  explicit Adyen(std::vector<core::HmacKey> keys) : keys_(std::move(keys)) {}

  Judgement judge(const Received& received) const override {
    const BodyJson body(received.body);
    const auto items = body.root() ? array_of(*body.root(), "notificationItems") : std::nullopt;
    if (!items || items->size() == 0) return refused(kNoSignature);
    // Adyen sends one. Of several, which others can put together, none would name the message.
    if (items->size() != 1) return refused("the body has more than one item");
    simdjson::dom::object holder;
    if (items->at(0).get_object().get(holder)) return refused(kNoSignature);
    const auto item = object_of(holder, "NotificationRequestItem");
    if (!item) return refused(kNoSignature);
    core::Digest digest;
    if (const char* fault = judge_item(*item, digest)) return refused(fault);
    return genuine(ReplayId(digest));
  }

 private:
  const char* judge_item(simdjson::dom::object item, core::Digest& digest) const {
    const auto more = object_of(item, "additionalData");
    const auto signature = more ? text_of(*more, "hmacSignature") : std::nullopt;
    if (!signature) return kNoSignature;
    const auto text = signed_text(item);
    if (!text) return "a member that is signed is missing, or is there more than once";
    digest = core::digest_of(core::Hash::kSha256, *text);
    for (const core::HmacKey& key : keys_)
      if (core::equal_in_constant_time(*signature, core::to_base64(key.sign(*text).view())))
        return nullptr;
    return kWrong;
  }

  static std::optional<std::string> signed_text(simdjson::dom::object item) {
    std::string text;
    for (const char* name :
         {"pspReference", "originalReference", "merchantAccountCode", "merchantReference"}) {
      const Member member = member_of(item, name);
      std::string_view value;
      if (member.count > 1 ||
          (member.one() && !member.value.is_null() && member.value.get_string().get(value)))
        return std::nullopt;
      text.append(value).append(":");
    }
    const auto amount = object_of(item, "amount");
    const auto currency = amount ? text_of(*amount, "currency") : std::nullopt;
    std::int64_t value = 0;
    if (!currency || !member_of(*amount, "value").one() ||
        member_of(*amount, "value").value.get_int64().get(value))
      return std::nullopt;
    const auto code = text_of(item, "eventCode");
    const auto success = text_of(item, "success");
    if (!code || (success != "true" && success != "false")) return std::nullopt;
    text.append(std::to_string(value)).append(":").append(*currency).append(":");
    return text.append(*code).append(":").append(*success);
  }

  const std::vector<core::HmacKey> keys_;
};

// Microsoft Graph, "Change notifications": every item has the text of the subscription in it.
class MicrosoftGraph final : public Scheme {
 public:
  explicit MicrosoftGraph(std::vector<core::Digest> states) : states_(std::move(states)) {}

  Judgement judge(const Received& received) const override {
    const BodyJson body(received.body);
    const auto items = body.root() ? array_of(*body.root(), "value") : std::nullopt;
    if (!items || items->size() == 0) return refused("the body has no clientState in it");
    for (const simdjson::dom::element element : *items) {
      simdjson::dom::object item;
      if (element.get_object().get(item)) return refused("the body has no clientState in it");
      const auto state = text_of(item, "clientState");
      if (!state) return refused("the body has no clientState in it");
      if (!is_one_of(*state, states_)) return refused("the clientState is wrong");
    }
    return genuine();
  }

  std::optional<Reply> challenge(const Received& received) const override {
    return answer_validation_token(received);
  }

 private:
  const std::vector<core::Digest> states_;
};

}  // namespace

std::unique_ptr<const Scheme> make_mailgun(Settings& settings) {
  // Sent again for eight hours.
  const Tolerance tolerance{settings.duration("tolerance", kLongTolerance), false};
  return std::make_unique<Mailgun>(read_hmac_keys(settings, KeyForm::kText, core::Hash::kSha256),
                                   tolerance);
}

std::unique_ptr<const Scheme> make_adyen(Settings& settings) {
  return std::make_unique<Adyen>(read_hmac_keys(settings, KeyForm::kHex, core::Hash::kSha256));
}

std::unique_ptr<const Scheme> make_microsoft_graph(Settings& settings) {
  return std::make_unique<MicrosoftGraph>(read_tokens(settings));
}

}  // namespace headrace::verification
