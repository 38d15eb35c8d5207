// SPDX-License-Identifier: Apache-2.0
// TLS as one endpoint asks for it: whom to trust, who we are, which key the peer must have.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dispatch/certificates.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {
namespace {

using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;

class EndpointTlsTest : public ShardTest {
 protected:
  EndpointTlsTest() {
    resolver.names["hooks.test"] = *known_addresses("127.0.0.1");
    auto made = TlsContext::make({false, root.file()});
    EXPECT_TRUE(made);
    tls = std::move(*made);
    closing = [](const auto&) {
      return FakeEndpoint::Reply{FakeEndpoint::answer(200, "", "Connection: close\r\n").pieces,
                                 FakeEndpoint::After::kClose};
    };
  }
  FakeEndpoint& serve_by(const TestRoot& issuer, const CertificateOptions& certificate = {}) {
    contexts.push_back(issuer.server(certificate));
    FakeEndpoint& server = serve(closing, contexts.back().get());
    return server;
  }
  void use(const FakeEndpoint& server, EndpointTls settings) {
    EndpointSettings endpoint = settings_for(server.url("/hook", "hooks.test"));
    endpoint.tls = std::move(settings);
    set_endpoint(std::move(endpoint));
  }
  // Not before the hold of the last one is over.
  Outcome deliver_next() {
    if (!outcomes.empty() && outcomes.back().hold_until > clock.wall_ms())
      pass(std::chrono::milliseconds(outcomes.back().hold_until - clock.wall_ms()));
    return deliver(delivery(++last_));
  }
  SSL_CTX* context() { return contexts.back().get(); }

  TestRoot root;   // the engine's
  TestRoot other;  // trusted by nobody who does not say so
  std::vector<TestRoot::ServerContext> contexts;
  FakeEndpoint::Script closing;
  std::uint64_t last_ = 0;
};

TEST_F(EndpointTlsTest, ItsOwnRootIsTrustedAndNoOther) {
  FakeEndpoint& server = serve_by(other);
  use(server, {});
  start();
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
  use(server, {.ca = other.pem()});
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  FakeEndpoint& usual = serve_by(root);
  use(usual, {.ca = other.pem()});
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
  use(usual, {.ca = other.pem() + root.pem()});
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
}

TEST_F(EndpointTlsTest, TheServersOwnCertificateMayBeTheRoot) {
  FakeEndpoint& server = serve_by(root, {.self_signed = true});
  use(server, {.ca = pem_of(context())});
  start();
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
}

TEST_F(EndpointTlsTest, TheHostIsVerifiedAllTheSame) {
  FakeEndpoint& server = serve_by(other, {.host = "other.test"});
  use(server, {.ca = other.pem(), .pins = {pin_of(context())}});
  start();
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
  EXPECT_EQ(server.request_count(), 0u);
}

TEST_F(EndpointTlsTest, AnExpiredCertificateIsRefusedAllTheSame) {
  FakeEndpoint& server = serve_by(other, {.expired = true});
  use(server, {.ca = other.pem(), .pins = {pin_of(context())}});
  start();
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
}

TEST_F(EndpointTlsTest, AServerThatAsksGetsOurCertificate) {
  FakeEndpoint& server = serve_by(root);
  other.require_client(context());
  use(server, {});
  start();
  EXPECT_NE(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(server.request_count(), 0u);
  const auto [certificate, key] = other.client();
  use(server, {.certificate = certificate, .key = key});
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  const auto stranger = root.client();
  use(server, {.certificate = stranger.certificate, .key = stranger.key});
  EXPECT_NE(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(server.request_count(), 1u);
}

TEST_F(EndpointTlsTest, APinIsTheServersKeyOrNothingIsSent) {
  FakeEndpoint& server = serve_by(root);
  const std::string right = pin_of(context());
  const std::string wrong = pin_of(root.server({}).get());
  ASSERT_NE(right, wrong);
  use(server, {.pins = {wrong}});
  start();
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
  EXPECT_EQ(server.request_count(), 0u);
  use(server, {.pins = {wrong, right}});
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
}

TEST_F(EndpointTlsTest, APinTrustsNobodyByItself) {
  FakeEndpoint& server = serve_by(other);
  use(server, {.pins = {pin_of(context())}});
  start();
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
}

TEST_F(EndpointTlsTest, SessionsAreResumedUntilTheSettingsChange) {
  FakeEndpoint& server = serve_by(other);
  const std::string pin = pin_of(context());
  use(server, {.ca = other.pem(), .pins = {pin}});
  start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(server.connections(), 3u);
  EXPECT_EQ(server.sessions_resumed(), 2u);
  use(server, {.ca = other.pem(), .pins = {pin_of(root.server({}).get())}});
  EXPECT_EQ(deliver_next().error, AttemptError::kTls) << "a session does not stand for the new pin";
  use(server, {.ca = other.pem(), .pins = {pin}});
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(server.sessions_resumed(), 2u);
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(server.sessions_resumed(), 3u);
}

TEST_F(EndpointTlsTest, OnlyHttp11IsOfferedAndNothingBelowTls12) {
  FakeEndpoint& server = serve_by(root);
  std::string offered;
  SSL_CTX_set_alpn_select_cb(
      context(),
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
         unsigned length, void* into) {
        static_cast<std::string*>(into)->assign(reinterpret_cast<const char*>(in), length);
        *out = in + 1;
        *size = in[0];
        return SSL_TLSEXT_ERR_OK;
      },
      &offered);
  use(server, {});
  start();
  EXPECT_EQ(deliver_next().verdict, Verdict::kDelivered);
  EXPECT_EQ(offered, "\x08http/1.1");
  FakeEndpoint& old = serve_by(root);
  SSL_CTX_set_security_level(context(), 0);
  SSL_CTX_set_min_proto_version(context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context(), TLS1_1_VERSION);
  use(old, {});
  EXPECT_EQ(deliver_next().error, AttemptError::kTls);
}

TEST(TlsSessionTest, ASessionIsOfItsSettingsAndItsHost) {
  const auto one = TlsContext::make(EndpointTls{});
  const auto two = TlsContext::make(EndpointTls{});
  ASSERT_TRUE(one && two);
  TlsSession slot;
  slot.keep(SSL_SESSION_new(), (*one)->native(), "hooks.test");
  EXPECT_NE(slot.get((*one)->native(), "hooks.test"), nullptr);
  EXPECT_EQ(slot.get((*two)->native(), "hooks.test"), nullptr);
  EXPECT_EQ(slot.get((*one)->native(), "hooks.test:8443"), nullptr);
  slot.forget();
  EXPECT_EQ(slot.get((*one)->native(), "hooks.test"), nullptr);
}

// The member at fault; nothing of what was given may be in the error.
std::string fault_of(const EndpointTls& settings) {
  const auto made = TlsContext::make(settings);
  if (made) return "none";
  const Error& error = made.error();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  for (const std::string* text : {&settings.ca, &settings.certificate, &settings.key}) {
    for (std::size_t at = 0; at + 20 <= text->size(); at += 20)
      EXPECT_EQ(error.what.find(text->substr(at, 20)), std::string::npos) << error.what;
  }
  return error.items.empty() ? "" : error.items[0].where;
}

TEST(EndpointTlsFaultTest, EachMemberIsNamed) {
  const TestRoot root;
  const auto [certificate, key] = root.client();
  const auto another = root.client();
  const std::string pin = pin_of(root.server({}).get());
  EXPECT_EQ(fault_of({.ca = root.pem(), .certificate = certificate, .key = key, .pins = {pin}}),
            "none");
  EXPECT_EQ(fault_of({.certificate = certificate + root.pem(), .key = key}), "none");
  EXPECT_EQ(fault_of({.ca = "no PEM text at all"}), "/ca");
  EXPECT_EQ(fault_of({.ca = key}), "/ca");
  EXPECT_EQ(fault_of({.ca = root.pem() + root.pem().substr(0, 200)}), "/ca");
  EXPECT_EQ(fault_of({.ca = std::string(70'000, 'x') + root.pem()}), "/ca");
  EXPECT_EQ(fault_of({.certificate = certificate}), "/key");
  EXPECT_EQ(fault_of({.key = key}), "/certificate");
  EXPECT_EQ(fault_of({.certificate = key, .key = key}), "/certificate");
  EXPECT_EQ(fault_of({.certificate = certificate, .key = certificate}), "/key");
  EXPECT_EQ(fault_of({.certificate = certificate, .key = another.key}), "/key");
  EXPECT_EQ(fault_of({.certificate = certificate, .key = key.substr(0, key.size() / 2)}), "/key");
  EXPECT_EQ(fault_of({.certificate = certificate, .key = encrypted(key)}), "/key");
  for (const std::string& bad :
       {std::string(), pin.substr(8), std::string("sha256//"), pin.substr(0, pin.size() - 4),
        "sha1//" + pin.substr(8), pin + "=", pin + ";" + pin, " " + pin})
    EXPECT_EQ(fault_of({.pins = {pin, bad}}), "/pins/1") << bad;
  EXPECT_EQ(fault_of({.pins = std::vector<std::string>(17, pin)}), "/pins");
}

TEST(EndpointTlsFaultTest, AnEndpointIsNotMadeWithThem) {
  EndpointSettings settings;
  settings.url = "https://hooks.test/";
  settings.tls = EndpointTls{.ca = "nothing"};
  const auto made = make_endpoint(settings);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().items.at(0).where, "/tls/ca");
  settings.missing_secret = "KEY";
  EXPECT_TRUE(make_endpoint(settings)) << "its attempts fail by the secret's name";
}

TEST(EndpointTlsFaultTest, TheKeyIsNotKeptAsText) {
  const TestRoot root;
  const auto [certificate, key] = root.client();
  EndpointSettings settings;
  settings.url = "https://hooks.test/";
  settings.tls = EndpointTls{.certificate = certificate, .key = key};
  const auto made = make_endpoint(settings);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->settings.tls->key, "");
}

}  // namespace
}  // namespace headrace::dispatch
