// SPDX-License-Identifier: Apache-2.0
#include "tests/ingest/verification/cases.h"

#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

using Sign = std::function<Signed(const Input&)>;

const std::string kSecret = "first secret, as it is";
const std::string kOther = "quite another secret";
const std::string kUrl = "https://hooks.example.com/in/2vK8sQ0cW1mZ7xY4bN6tR3";
const std::string kTwentyFour = "0123456789abcdefghijklmn";

std::string seconds(const Input& input) { return std::to_string(input.now / 1000); }

Signed one_header(const Input& input, const char* header, const std::string& value) {
  return {{.fields = {{header, value}}, .body = input.body, .now = input.now}, {{header}, {}}};
}

// Headers that are all proved, and the body.
Signed headers(const Input& input, Fields fields) {
  Signed made;
  for (const auto& field : fields) made.proved.push_back({field.first});
  made.proved.push_back({});
  made.request = {.fields = std::move(fields), .body = input.body, .now = input.now};
  return made;
}

Case keyed(const char* name, Sign sign, bool replay_id = false) {
  return {.name = name,
          .members = "\"provider\":" + json_text(name),
          .secret = kSecret,
          .other = kOther,
          .replay_id = replay_id,
          .sign = std::move(sign)};
}

Case body_only(const char* name, const char* header, const char* prefix, const char* hash,
               std::string (*encode)(const std::string&)) {
  return keyed(name, [=](const Input& in) {
    return one_header(in, header, prefix + encode(hmac(hash, in.secret, in.body)));
  });
}

Case in_list(const char* name, const char* header, const char* time, const char* between,
             const char* signature, const char* joint) {
  return keyed(
      name,
      [=](const Input& in) {
        const std::string signature_of =
            hex(hmac("SHA256", in.secret, seconds(in) + joint + in.body));
        return one_header(in, header, time + seconds(in) + between + signature + signature_of);
      },
      true);
}

Case versioned(const char* name, const char* header, const char* time) {
  return keyed(
      name,
      [=](const Input& in) {
        return headers(
            in,
            {{header, "v0=" + hex(hmac("SHA256", in.secret, "v0:" + seconds(in) + ":" + in.body))},
             {time, seconds(in)}});
      },
      true);
}

Case standard(const char* name, const std::string& prefix) {
  Case made = keyed(
      name,
      [=](const Input& in) {
        // What was configured is whsec_ and the base64 of this or of the other.
        const std::string key = in.secret == "whsec_" + base64(kTwentyFour)
                                    ? kTwentyFour
                                    : std::string("another key of 24 bytes.");
        const std::string text = in.id + "." + seconds(in) + "." + in.body;
        return headers(in, {{prefix + "-id", in.id},
                            {prefix + "-timestamp", seconds(in)},
                            {prefix + "-signature", "v1," + base64(hmac("SHA256", key, text))}});
      },
      true);
  made.secret = "whsec_" + base64(kTwentyFour);
  made.other = "whsec_" + base64("another key of 24 bytes.");
  return made;
}

Case standard_public() {
  Case made = keyed(
      "standard_webhooks",
      [](const Input& in) {
        const std::string text = in.id + "." + seconds(in) + "." + in.body;
        return headers(in, {{"webhook-id", in.id},
                            {"webhook-timestamp", seconds(in)},
                            {"webhook-signature",
                             "v1a," + base64(SigningKey::ed25519().sign(nullptr, text))}});
      },
      true);
  made.name = "standard_webhooks_v1a";
  made.member = "public_keys";
  made.secret = "whpk_" + base64(SigningKey::ed25519().public_raw());
  made.other = "whpk_" + base64(SigningKey::other_ed25519().public_raw());
  return made;
}

Case discord() {
  Case made = keyed(
      "discord",
      [](const Input& in) {
        return headers(in, {{"X-Signature-Ed25519",
                             hex(SigningKey::ed25519().sign(nullptr, seconds(in) + in.body))},
                            {"X-Signature-Timestamp", seconds(in)}});
      },
      true);
  made.member = "public_keys";
  made.secret = hex(SigningKey::ed25519().public_raw());
  made.other = hex(SigningKey::other_ed25519().public_raw());
  return made;
}

Case sendgrid() {
  Case made = keyed(
      "sendgrid",
      [](const Input& in) {
        return headers(in, {{"X-Twilio-Email-Event-Webhook-Signature",
                             base64(SigningKey::p256().sign("SHA256", seconds(in) + in.body))},
                            {"X-Twilio-Email-Event-Webhook-Timestamp", seconds(in)}});
      },
      true);
  made.member = "public_keys";
  made.secret = base64(SigningKey::p256().public_der());
  made.other = SigningKey::other_p256().public_pem();
  return made;
}

Case twitch() {
  return keyed(
      "twitch",
      [](const Input& in) {
        const std::string time = "2023-11-14T22:13:20.634234626Z";
        return headers(in, {{"Twitch-Eventsub-Message-Id", in.id},
                            {"Twitch-Eventsub-Message-Timestamp", time},
                            {"Twitch-Eventsub-Message-Signature",
                             "sha256=" + hex(hmac("SHA256", in.secret, in.id + time + in.body))}});
      },
      true);
}

Case hubspot() {
  return keyed(
      "hubspot",
      [](const Input& in) {
        const std::string time = std::to_string(in.now);
        return headers(in, {{"X-HubSpot-Signature-v3",
                             base64(hmac("SHA256", in.secret, "POST" + kUrl + in.body + time))},
                            {"X-HubSpot-Request-Timestamp", time}});
      },
      true);
}

Case square() {
  return keyed("square", [](const Input& in) {
    return one_header(in, "x-square-hmacsha256-signature",
                      base64(hmac("SHA256", in.secret, kUrl + in.body)));
  });
}

Case crc() {
  Case made = body_only("x", "x-twitter-webhooks-signature", "sha256=", "SHA256", base64);
  made.body = Case::Body::kObject;
  return made;
}

Case twilio_form() {
  Case made = keyed("twilio", [](const Input& in) {
    Input form = in;
    form.body = "To=" + in.body + "&From=%20b&Body=1";
    Signed sent = one_header(form, "X-Twilio-Signature",
                             base64(hmac("SHA1", in.secret, kUrl + "Body1From bTo" + in.body)));
    sent.request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    return sent;
  });
  made.name = "twilio_form";
  made.body = Case::Body::kLetters;
  return made;
}

Case twilio_json() {
  Case made = keyed("twilio", [](const Input& in) {
    const std::string query = "?bodySHA256=" + hex(sha256(in.body));
    Signed sent =
        one_header(in, "X-Twilio-Signature", base64(hmac("SHA1", in.secret, kUrl + query)));
    sent.request.target += query;
    sent.request.url += query;
    return sent;
  });
  made.name = "twilio_json";
  return made;
}

// The bytes of the body from `begin` to the end of `text`, which is there once.
Proved inside(const std::string& body, const std::string& text) {
  const std::size_t at = body.find(text);
  return {{}, at, at + text.size()};
}

Case mailgun() {
  return keyed(
      "mailgun",
      [](const Input& in) {
        const std::string token = "tok" + in.id;
        const std::string signature = hex(hmac("SHA256", in.secret, seconds(in) + token));
        const std::string body = R"({"signature":{"timestamp":")" + seconds(in) + R"(","token":")" +
                                 token + R"(","signature":")" + signature +
                                 R"("},"event-data":{"event":"opened"}})";
        return Signed{{.body = body, .now = in.now},
                      {inside(body, seconds(in)), inside(body, token), inside(body, signature)}};
      },
      true);
}

Case adyen() {
  const auto key_of = [](const std::string& secret) {
    return secret == "00112233445566778899aabbccddeeff"
               ? std::string("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16)
               : std::string(16, '\x42');
  };
  Case made = keyed(
      "adyen",
      [=](const Input& in) {
        const std::string text = "psp" + in.id + "::Merchant:Ref 7:1130:EUR:AUTHORISATION:true";
        const std::string signature = base64(hmac("SHA256", key_of(in.secret), text));
        const std::string body =
            R"({"live":"false","notificationItems":[{"NotificationRequestItem":{)"
            R"("additionalData":{"hmacSignature":")" +
            signature + R"("},"amount":{"currency":"EUR","value":1130},"pspReference":"psp)" +
            in.id +
            R"(","merchantAccountCode":"Merchant","merchantReference":"Ref 7",)"
            R"("eventCode":"AUTHORISATION","success":"true"}}]})";
        return Signed{
            {.body = body, .now = in.now},
            {inside(body, signature), inside(body, "EUR"), inside(body, "1130"),
             inside(body, "psp" + in.id), inside(body, "Merchant\""), inside(body, "Ref 7"),
             inside(body, "AUTHORISATION"), inside(body, "\"true\"")}};
      },
      true);
  made.secret = "00112233445566778899aabbccddeeff";
  made.other = hex(std::string(16, '\x42'));
  return made;
}

Case paypal() {
  Case made = keyed(
      "paypal",
      [](const Input& in) {
        const std::string time = "2023-11-14T22:13:20Z";
        const std::string text = in.id + "|" + time + "|WH-1|" + std::to_string(crc32_of(in.body));
        return headers(
            in, {{"PAYPAL-TRANSMISSION-ID", in.id},
                 {"PAYPAL-TRANSMISSION-TIME", time},
                 {"PAYPAL-AUTH-ALGO", "SHA256withRSA"},
                 {"PAYPAL-TRANSMISSION-SIG", base64(SigningKey::rsa().sign("SHA256", text))}});
      },
      true);
  made.members += R"(,"webhook_id":"WH-1")";
  made.member = "certificates";
  made.secret = SigningKey::rsa().certificate_pem(1'600'000'000, 1'800'000'000);
  made.other = SigningKey::other_rsa().certificate_pem(1'600'000'000, 1'800'000'000);
  return made;
}

Case sns(const char* version, const char* hash) {
  Case made = keyed(
      "aws_sns",
      [=](const Input& in) {
        const std::string id = "id" + in.id;
        const std::string text = "Message\nHello\\n\nMessageId\n" + id +
                                 "\nSubject\nNews\nTimestamp\n2023-11-14T22:13:20.000Z\n"
                                 "TopicArn\narn:aws:sns:eu-west-1:1:topic\nType\nNotification\n";
        const std::string signature = base64(SigningKey::rsa().sign(hash, text));
        const std::string body =
            R"({"Type":"Notification","MessageId":")" + id +
            R"(","TopicArn":"arn:aws:sns:eu-west-1:1:topic","Subject":"News",)"
            R"("Message":"Hello\\n","Timestamp":"2023-11-14T22:13:20.000Z","SignatureVersion":")" +
            version + R"(","Signature":")" + signature +
            R"(","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem"})";
        return Signed{{.body = body, .now = in.now},
                      {inside(body, id), inside(body, "arn:aws:sns:eu-west-1:1:topic"),
                       inside(body, "News"), inside(body, "Hello"),
                       inside(body, "2023-11-14T22:13:20.000Z"), inside(body, signature),
                       inside(body, "https://sns."), inside(body, ".amazonaws.com/")}};
      },
      true);
  made.name = std::string("aws_sns_") + version;
  made.members += R"(,"topics":["arn:aws:sns:eu-west-1:1:topic"])";
  made.member = "certificates";
  made.secret = SigningKey::rsa().certificate_pem(1'600'000'000, 1'800'000'000);
  made.other = SigningKey::other_rsa().certificate_pem(1'600'000'000, 1'800'000'000);
  return made;
}

// A message in which nothing but the token is proved.
Case token(const char* name, const char* header, const std::string& prefix) {
  return keyed(name, [=](const Input& in) {
    Signed made = one_header(in, header, prefix + in.secret);
    made.proved = {{header, prefix.size()}};
    return made;
  });
}

Case basic() {
  Case made = keyed("basic", [](const Input& in) {
    Signed sent = one_header(in, "Authorization", "Basic " + base64("user:" + in.secret));
    sent.proved = {{"Authorization", 6}};
    return sent;
  });
  made.members += R"(,"username":"user")";
  return made;
}

Case graph() {
  return keyed("microsoft_graph", [](const Input& in) {
    const std::string body = R"({"value":[{"clientState":")" + in.secret + R"(","id":"1"}]})";
    return Signed{{.body = body, .now = in.now}, {inside(body, in.secret)}};
  });
}

std::string token_text(const Input& in, const char* algorithm, const std::string& more) {
  const std::string claims = R"({"iat":)" + seconds(in) + R"(,"exp":)" +
                             std::to_string(in.now / 1000 + 60) + R"(,"jti":")" + in.id + "\"" +
                             more + "}";
  return base64url(std::string(R"({"alg":")") + algorithm + R"(","typ":"JWT"})") + "." +
         base64url(claims);
}

Case jwt_secret(const char* algorithm, const char* hash) {
  Case made = keyed(
      "jwt",
      [=](const Input& in) {
        const std::string text =
            token_text(in, algorithm, R"(,"body":")" + hex(sha256(in.body)) + "\"");
        Signed sent = one_header(in, "Authorization",
                                 "Bearer " + text + "." + base64url(hmac(hash, in.secret, text)));
        sent.proved = {{"Authorization", 7}, {}};
        return sent;
      },
      true);
  made.name = std::string("jwt_") + algorithm;
  made.members += std::string(R"(,"algorithm":")") + algorithm + R"(","body_sha256_claim":"body")";
  return made;
}

Case jwt_body() {
  Case made = keyed(
      "wix",
      [](const Input& in) {
        const std::string text = token_text(in, "RS256", R"(,"data":"x")");
        Input token = in;
        token.body = text + "." + base64url(SigningKey::rsa().sign("SHA256", text));
        return headers(token, {});
      },
      true);
  made.member = "public_keys";
  made.secret = SigningKey::rsa().public_pem();
  made.other = SigningKey::other_rsa().public_pem();
  return made;
}

Case plaid() {
  Case made = keyed(
      "plaid",
      [](const Input& in) {
        const std::string text =
            token_text(in, "ES256", R"(,"request_body_sha256":")" + hex(sha256(in.body)) + "\"");
        return one_header(in, "Plaid-Verification",
                          text + "." + base64url(SigningKey::p256().sign_plain(text)));
      },
      true);
  made.member = "public_keys";
  made.secret = SigningKey::p256().public_pem();
  made.other = SigningKey::other_p256().public_pem();
  return made;
}

Case custom() {
  Case made = keyed(
      "",
      [](const Input& in) {
        return headers(in, {{"x-sign", "a/" + base64(hmac("SHA512", "\x01\x02\xff",
                                                          "POST " + in.id + "|" + in.body))},
                            {"x-id", in.id}});
      },
      true);
  made.name = "custom";
  made.members = R"("scheme":{"header":"X-Sign","prefix":"a/","hash":"sha512",
      "encoding":"base64","key":"hex","id_header":"X-Id",
      "signed":["{method}"," ","{id}","|","{body}"]})";
  made.secret = "0102ff";
  made.other = "0102fe";
  return made;
}

}  // namespace

std::string Case::settings(const std::vector<std::string>& secrets) const {
  std::string json = "{" + members + "," + json_text(member) + ":[";
  for (const std::string& one : secrets) json += (json.back() == '[' ? "" : ",") + json_text(one);
  return json + "]}";
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      body_only("github", "X-Hub-Signature-256", "sha256=", "SHA256", hex),
      body_only("meta", "X-Hub-Signature-256", "sha256=", "SHA256", hex),
      body_only("whatsapp", "X-Hub-Signature-256", "sha256=", "SHA256", hex),
      body_only("shopify", "X-Shopify-Hmac-SHA256", "", "SHA256", base64),
      body_only("woocommerce", "X-WC-Webhook-Signature", "", "SHA256", base64),
      body_only("paystack", "x-paystack-signature", "", "SHA512", hex),
      body_only("checkout.com", "Cko-Signature", "", "SHA256", hex),
      body_only("coinbase_commerce", "X-CC-Webhook-Signature", "", "SHA256", hex),
      body_only("coinify", "X-Coinify-Webhook-Signature", "", "SHA256", hex),
      body_only("convoy", "X-Convoy-Signature", "", "SHA256", hex),
      body_only("outpost", "X-Outpost-Signature", "v0=", "SHA256", hex),
      body_only("hookdeck", "X-Hookdeck-Signature", "", "SHA256", base64),
      in_list("stripe", "Stripe-Signature", "t=", ",", "v1=", "."),
      in_list("paddle", "Paddle-Signature", "ts=", ";", "h1=", ":"),
      in_list("tiktok", "Tiktok-Signature", "t=", ",", "s=", "."),
      in_list("convoy_advanced", "X-Convoy-Signature", "t=", ",", "v1=", ","),
      versioned("slack", "X-Slack-Signature", "X-Slack-Request-Timestamp"),
      versioned("zoom", "x-zm-signature", "x-zm-request-timestamp"),
      standard("standard_webhooks", "webhook"),
      standard("openai", "webhook"),
      standard("replicate", "webhook"),
      standard("brex", "webhook"),
      standard("svix", "svix"),
      standard("clerk", "svix"),
      standard("resend", "svix"),
      standard_public(),
      discord(),
      sendgrid(),
      twitch(),
      hubspot(),
      square(),
      crc(),
      twilio_form(),
      twilio_json(),
      mailgun(),
      adyen(),
      paypal(),
      sns("1", "SHA1"),
      sns("2", "SHA256"),
      token("gitlab", "X-Gitlab-Token", ""),
      token("flutterwave", "verif-hash", ""),
      token("okta", "Authorization", ""),
      token("cloudevents", "Authorization", "Bearer "),
      basic(),
      graph(),
      jwt_secret("HS256", "SHA256"),
      jwt_secret("HS512", "SHA512"),
      jwt_body(),
      plaid(),
      custom(),
  };
  return all;
}

}  // namespace headrace::verification::test
