// SPDX-License-Identifier: Apache-2.0
// Sources: each provider's documentation or library, as of what docs/verification.md says.
#include "ingest/verification/presets.h"

#include <algorithm>

namespace headrace::verification {
namespace {

// Standard Webhooks 1.0 (standard-webhooks.md), and the names that Svix gives its headers.
constexpr std::string_view kStandard =
    R"({"header":"webhook-signature","separator":" ","prefix":"v1,","public_prefix":"v1a,",
        "encoding":"base64","key":"whsec","id_header":"webhook-id",
        "timestamp_header":"webhook-timestamp","tolerance":"5m",
        "signed":["{id}",".","{timestamp}",".","{body}"]})";
constexpr std::string_view kSvix =
    R"({"header":"svix-signature","separator":" ","prefix":"v1,","public_prefix":"v1a,",
        "encoding":"base64","key":"whsec","id_header":"svix-id",
        "timestamp_header":"svix-timestamp","tolerance":"5m",
        "signed":["{id}",".","{timestamp}",".","{body}"]})";
constexpr std::string_view kMeta =
    R"({"header":"x-hub-signature-256","prefix":"sha256=","signed":["{body}"],"challenge":"hub"})";

// Where a tolerance is given, the provider's library or documentation has it, except for Convoy,
// Discord, TikTok and Zoom, whose sample code leaves it to the receiver, and for SendGrid, which
// sends again for a day.
constexpr Preset kPresets[] = {
    {"brex", kStandard},
    {"checkout.com", R"({"header":"cko-signature","signed":["{body}"]})"},
    {"clerk", kSvix},
    {"cloudevents", R"({"algorithm":"token","header":"authorization","prefix":"Bearer "})"},
    {"coinbase_commerce", R"({"header":"x-cc-webhook-signature","signed":["{body}"]})"},
    {"coinify", R"({"header":"x-coinify-webhook-signature","signed":["{body}"]})"},
    {"convoy", R"({"header":"x-convoy-signature","signed":["{body}"]})"},
    {"convoy_advanced",
     R"({"header":"x-convoy-signature","separator":",","prefix":"v1=","timestamp_prefix":"t=",
         "signed":["{timestamp}",",","{body}"],"tolerance":"5m"})"},
    {"discord",
     R"({"algorithm":"ed25519","header":"x-signature-ed25519",
         "timestamp_header":"x-signature-timestamp","signed":["{timestamp}","{body}"],
         "tolerance":"5m","challenge":"discord"})"},
    {"flutterwave", R"({"algorithm":"token","header":"verif-hash"})"},
    {"github", R"({"header":"x-hub-signature-256","prefix":"sha256=","signed":["{body}"]})"},
    {"gitlab", R"({"algorithm":"token","header":"x-gitlab-token"})"},
    {"hookdeck", R"({"header":"x-hookdeck-signature","encoding":"base64","signed":["{body}"]})"},
    {"hubspot",
     R"({"header":"x-hubspot-signature-v3","encoding":"base64",
         "timestamp_header":"x-hubspot-request-timestamp","timestamp":"ms","tolerance":"5m",
         "signed":["{method}","{url}","{body}","{timestamp}"]})"},
    {"meta", kMeta},
    {"okta", R"({"algorithm":"token","header":"authorization","challenge":"okta"})"},
    {"openai", kStandard},
    {"outpost",
     R"({"header":"x-outpost-signature","list_prefix":"v0=","separator":",",
         "signed":["{body}"]})"},
    {"paddle",
     R"({"header":"paddle-signature","separator":";","prefix":"h1=","timestamp_prefix":"ts=",
         "signed":["{timestamp}",":","{body}"],"tolerance":"5s"})"},
    {"paystack", R"({"header":"x-paystack-signature","hash":"sha512","signed":["{body}"]})"},
    {"replicate", kStandard},
    {"resend", kSvix},
    {"sendgrid",
     R"({"algorithm":"ecdsa","header":"x-twilio-email-event-webhook-signature",
         "encoding":"base64","timestamp_header":"x-twilio-email-event-webhook-timestamp",
         "signed":["{timestamp}","{body}"],"tolerance":"24h","past_only":true})"},
    {"shopify", R"({"header":"x-shopify-hmac-sha256","encoding":"base64","signed":["{body}"]})"},
    {"slack",
     R"({"header":"x-slack-signature","prefix":"v0=",
         "timestamp_header":"x-slack-request-timestamp","tolerance":"5m",
         "signed":["v0:","{timestamp}",":","{body}"],"challenge":"slack"})"},
    {"square",
     R"({"header":"x-square-hmacsha256-signature","encoding":"base64",
         "signed":["{url}","{body}"]})"},
    {"standard_webhooks", kStandard},
    {"stripe",
     R"({"header":"stripe-signature","separator":",","prefix":"v1=","timestamp_prefix":"t=",
         "signed":["{timestamp}",".","{body}"],"tolerance":"5m","past_only":true})"},
    {"svix", kSvix},
    {"tiktok",
     R"({"header":"tiktok-signature","separator":",","prefix":"s=","timestamp_prefix":"t=",
         "signed":["{timestamp}",".","{body}"],"tolerance":"5m"})"},
    {"twitch",
     R"({"header":"twitch-eventsub-message-signature","prefix":"sha256=",
         "id_header":"twitch-eventsub-message-id",
         "timestamp_header":"twitch-eventsub-message-timestamp","timestamp":"rfc3339",
         "tolerance":"10m","signed":["{id}","{timestamp}","{body}"],"challenge":"twitch"})"},
    {"whatsapp", kMeta},
    {"woocommerce",
     R"({"header":"x-wc-webhook-signature","encoding":"base64","signed":["{body}"]})"},
    // Anybody may have a crc_token signed: what is signed that way is never an object.
    {"x",
     R"({"header":"x-twitter-webhooks-signature","prefix":"sha256=","encoding":"base64",
         "signed":["{body}"],"challenge":"crc","object_body":true})"},
    {"zoom",
     R"({"header":"x-zm-signature","prefix":"v0=","timestamp_header":"x-zm-request-timestamp",
         "tolerance":"5m","signed":["v0:","{timestamp}",":","{body}"],"challenge":"zoom"})"},
};
static_assert(std::is_sorted(std::begin(kPresets), std::end(kPresets),
                             [](const Preset& a, const Preset& b) {
                               return a.provider < b.provider;
                             }));

}  // namespace

std::span<const Preset> presets() noexcept { return kPresets; }

const Preset* find_preset(std::string_view provider) noexcept {
  const auto found =
      std::find_if(std::begin(kPresets), std::end(kPresets),
                   [&](const Preset& preset) { return preset.provider == provider; });
  return found == std::end(kPresets) ? nullptr : found;
}

}  // namespace headrace::verification
