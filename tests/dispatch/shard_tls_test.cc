// SPDX-License-Identifier: Apache-2.0
// Deliveries over TLS: which servers are trusted, and that bytes and connections behave as they do
// without it.
#include <string>

#include "tests/dispatch/certificates.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardTlsTest : public ShardTest {
 protected:
  ShardTlsTest() { resolver.names["hooks.test"] = *known_addresses("127.0.0.1"); }

  void SetUp() override {
    auto made = TlsContext::make({false, root.file()});
    ASSERT_TRUE(made) << made.error().what;
    tls = std::move(*made);
  }
  FakeEndpoint& serve_tls(const CertificateOptions& certificate, FakeEndpoint::Script script,
                          std::string_view host = "hooks.test") {
    context = root.server(certificate);
    FakeEndpoint& server = serve(std::move(script), context.get());
    set_endpoint(settings_for(server.url("/hook", host)));
    start();
    return server;
  }
  static FakeEndpoint::Reply ok(const FakeEndpoint::Request&) {
    return FakeEndpoint::answer(200, "fine");
  }

  // The outcome at a server whose certificate should be refused.
  Outcome refused_by(const CertificateOptions& certificate, std::string_view host = "hooks.test") {
    FakeEndpoint& server = serve_tls(certificate, &ShardTlsTest::ok, host);
    Outcome outcome = deliver(delivery(1));
    EXPECT_EQ(server.request_count(), 0u) << "nothing may be sent to a server that is not trusted";
    return outcome;
  }

  TestRoot root;
  TestRoot::ServerContext context;
};

TEST_F(ShardTlsTest, ATrustedServerGetsTheExactBytes) {
  FakeEndpoint& server = serve_tls({}, &ShardTlsTest::ok);
  const Outcome outcome = deliver(delivery(1));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.response_body.in(outcome.response), "fine");
  EXPECT_EQ(server.requests().at(0).body, kBody);
  deliver(delivery(2));
  EXPECT_EQ(server.connections(), 1u) << "the connection is used again";
}

TEST_F(ShardTlsTest, AnAddressInTheCertificateIsTrustedToo) {
  serve_tls({"127.0.0.1", true}, &ShardTlsTest::ok, "127.0.0.1");
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
}

TEST_F(ShardTlsTest, ALargeBodyIsSentInWindows) {
  std::string body(3 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 991) body[i] = static_cast<char>('a' + i % 26);
  FakeEndpoint& server = serve_tls({}, &ShardTlsTest::ok);
  EXPECT_EQ(deliver(delivery(1, body)).verdict, Verdict::kDelivered);
  EXPECT_TRUE(server.requests().at(0).body == body);
}

TEST_F(ShardTlsTest, AnExpiredCertificateIsRefused) {
  const Outcome outcome = refused_by({.expired = true});
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kTls);
  EXPECT_NE(outcome.hold_until, 0u);
}

TEST_F(ShardTlsTest, ANameInTheSubjectAloneIsRefused) {
  EXPECT_EQ(refused_by({.common_name = true}).error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, AWildcardStandsForAWholeLabelOnly) {
  resolver.names["hook.a.test"] = *known_addresses("127.0.0.1");
  EXPECT_EQ(refused_by({.host = "ho*.a.test"}, "hook.a.test").error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, AWildcardForAWholeLabelIsTrusted) {
  resolver.names["hook.a.test"] = *known_addresses("127.0.0.1");
  serve_tls({.host = "*.a.test"}, &ShardTlsTest::ok, "hook.a.test");
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
}

TEST_F(ShardTlsTest, ACertificateOfAnotherHostIsRefused) {
  EXPECT_EQ(refused_by({.host = "other.test"}).error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, ACertificateForTheNameIsNotOneForTheAddress) {
  EXPECT_EQ(refused_by({}, "127.0.0.1").error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, ASelfSignedCertificateIsRefused) {
  EXPECT_EQ(refused_by({.self_signed = true}).error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, AServerThatSpeaksPlainHttpIsATlsFailure) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  server.close_on_accept(true);
  set_endpoint(settings_for("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
  start();
  EXPECT_EQ(deliver(delivery(1)).error, AttemptError::kTls);
}

TEST_F(ShardTlsTest, AHandshakeThatHangsEndsAtTheConnectTimeLimit) {
  FakeEndpoint& server = serve(FakeEndpoint::silence());
  server.ignore_input(true);
  set_endpoint(settings_for("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
  start();
  push(delivery(1));
  run_until([&] { return server.connections() == 1; });
  run_turns(20);
  pass(5'001ms);
  run_until_outcomes(1);
  EXPECT_EQ(outcomes.at(0).error, AttemptError::kConnectTimeout);
}

TEST_F(ShardTlsTest, TheNextConnectionResumesTheSession) {
  FakeEndpoint& server = serve_tls({}, [](const auto&) {
    return FakeEndpoint::Reply{FakeEndpoint::answer(200, "", "Connection: close\r\n").pieces,
                               FakeEndpoint::After::kClose};
  });
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(deliver(delivery(i)).verdict, Verdict::kDelivered);
  EXPECT_EQ(server.connections(), 3u);
  EXPECT_EQ(server.sessions_resumed(), 2u);
}

TEST_F(ShardTlsTest, AStaleConnectionCostsNoAttempt) {
  serve_tls({}, [](const FakeEndpoint::Request& request) {
    return request.index == 0 ? FakeEndpoint::answer(200) : FakeEndpoint::drop();
  });
  deliver(delivery(1));
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
}

TEST_F(ShardTlsTest, ABodyThatEndsWithTheStreamNeedsTheFarewellOfTls) {
  FakeEndpoint& server = serve_tls({}, [](const auto&) {
    return FakeEndpoint::raw("HTTP/1.1 200 OK\r\n\r\nall of it", FakeEndpoint::After::kClose);
  });
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
  server.set_script([](const auto&) {
    return FakeEndpoint::Reply{{"HTTP/1.1 200 OK\r\n\r\nperhaps cut", ""},
                               FakeEndpoint::After::kReset};
  });
  EXPECT_EQ(deliver(delivery(2)).error, AttemptError::kClosed);
}

TEST_F(ShardTlsTest, WithoutATlsContextHttpsFails) {
  tls.reset();
  serve_tls({}, &ShardTlsTest::ok);
  EXPECT_EQ(deliver(delivery(1)).error, AttemptError::kTls);
}

TEST(TlsContextTest, AFileOfRootsThatCannotBeReadIsAnError) {
  EXPECT_FALSE(TlsContext::make({false, "/nonexistent/roots.pem"}));
  EXPECT_TRUE(TlsContext::make(TlsOptions{}));
}

}  // namespace headrace::dispatch
