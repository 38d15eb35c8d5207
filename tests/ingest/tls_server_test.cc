// SPDX-License-Identifier: Apache-2.0
// The server over TLS, by a client of another implementation's making: OpenSSL's client side.
#include "ingest/tls_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/limits.h"
#include "tests/ingest/server_fixture.h"
#include "tests/ingest/tls_files.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using test::http_request;
using test::TlsClient;
using test::TlsClientOptions;

// A connection with both of its layers.
struct Secured {
  std::unique_ptr<test::TcpClient> tcp;
  std::unique_ptr<TlsClient> tls;
};

class TlsServerTest : public HttpServerTest {
 protected:
  TlsServerTest() {
    files.make("server");
    files.make("client");
    restart("");
  }
  ~TlsServerTest() override { stop(); }

  void restart(const std::string& client_ca) {
    stop();
    auto made = TlsServer::make({files.path("server.pem"), files.path("server.key"), client_ca});
    ASSERT_TRUE(made) << made.error().what;
    tls = std::move(*made);
    start(64 << 20, {.tls = tls.get()});
  }
  Secured secured(const TlsClientOptions& options = {}) {
    Secured made{connect(), nullptr};
    made.tls = std::make_unique<TlsClient>(*made.tcp, options);
    run_until([&] {
      made.tls->poll();
      return made.tls->established() || over(made);
    });
    return made;
  }
  static bool over(const Secured& client) {
    return client.tls->failed() || client.tcp->end() != test::TcpClient::End::kNone;
  }
  void run_until_over(Secured& client) {
    run_until([&] {
      client.tls->poll();
      return over(client);
    });
  }
  test::HttpReply answer_to(Secured& client, std::string_view request) {
    const std::size_t before = test::replies_in(client.tls->received()).size();
    client.tls->write(request);
    run_until([&] {
      client.tls->poll();
      return test::replies_in(client.tls->received()).size() > before || over(client);
    });
    const auto replies = test::replies_in(client.tls->received());
    return replies.size() > before ? replies[before] : test::HttpReply{};
  }
  // Whether a client gets to make a request: of TLS 1.3, a client believes to be established
  // before the server has said no.
  bool is_served(const TlsClientOptions& options) {
    Secured client = secured(options);
    if (!client.tls->established()) return false;
    return answer_to(client, http_request("POST", "/", "{}")).status == 200;
  }

  test::TlsFiles files;
  std::unique_ptr<TlsServer> tls;
};

TEST_F(TlsServerTest, RequestsAreAnsweredOnOneConnection) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Secured client = secured({.version_min = version, .version_max = version});
    ASSERT_TRUE(client.tls->established());
    for (int i = 0; i < 3; ++i) {
      const std::string body = "body " + std::to_string(i);
      EXPECT_EQ(answer_to(client, http_request("POST", "/", body)).body, body);
    }
  }
  EXPECT_EQ(pool->bytes_used(), 0u) << "an idle connection holds no buffer";
}

TEST_F(TlsServerTest, OlderVersionsAreRefused) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION})
    EXPECT_FALSE(is_served({.version_min = version, .version_max = version}));
  EXPECT_EQ(server->counters().handshake.value(), 2u);
  EXPECT_TRUE(handler.taken.empty());
}

TEST_F(TlsServerTest, PlainRequestIsNotAnswered) {
  const auto client = connect();
  send_all(*client, http_request("GET", "/"));
  run_until_ended(*client);
  EXPECT_EQ(client->received().find("HTTP/"), std::string::npos);
  EXPECT_EQ(server->counters().handshake.value(), 1u);
}

TEST_F(TlsServerTest, ClientThatNamesProtocolsMustNameOurs) {
  EXPECT_TRUE(is_served({.protocols = "\x02h2\x08http/1.1"}));
  EXPECT_FALSE(is_served({.protocols = "\x02h2"}));
  Secured client = secured({.protocols = "\x08http/1.1"});
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.tls->native(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST_F(TlsServerTest, SessionsAreResumed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsClientOptions options{.version_min = version, .version_max = version};
    Secured first = secured(options);
    answer_to(first, http_request("POST", "/", "1"));
    SSL_SESSION* session = SSL_get1_session(first.tls->native());
    TlsClientOptions again = options;
    again.session = session;
    Secured second = secured(again);
    EXPECT_TRUE(second.tls->established());
    EXPECT_EQ(SSL_session_reused(second.tls->native()), 1);
    EXPECT_EQ(answer_to(second, http_request("POST", "/", "2")).body, "2");
    SSL_SESSION_free(session);
  }
}

TEST_F(TlsServerTest, RenegotiationIsRefused) {
  Secured client = secured({.version_max = TLS1_2_VERSION});
  EXPECT_EQ(answer_to(client, http_request("POST", "/", "1")).body, "1");
  SSL_renegotiate(client.tls->native());
  SSL_do_handshake(client.tls->native());
  run_until_over(client);
  EXPECT_TRUE(client.tls->failed());
  EXPECT_EQ(handler.taken.size(), 1u);
}

TEST_F(TlsServerTest, ReloadChangesNewConnectionsOnly) {
  Secured before = secured();
  const long serial = before.tls->serial();
  files.make("server");
  ASSERT_TRUE(tls->reload());
  Secured after = secured();
  EXPECT_NE(after.tls->serial(), serial);
  EXPECT_EQ(answer_to(before, http_request("POST", "/", "old")).body, "old");
  EXPECT_EQ(answer_to(after, http_request("POST", "/", "new")).body, "new");
}

TEST_F(TlsServerTest, ReloadOfABrokenFileKeepsWhatIsInUse) {
  const long serial = secured().tls->serial();
  files.write("server.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n");
  const auto reloaded = tls->reload();
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(reloaded.error().what.find("server.pem"), std::string::npos) << reloaded.error().what;
  EXPECT_EQ(secured().tls->serial(), serial);
}

TEST_F(TlsServerTest, FilesThatDoNotFitAreRefused) {
  const auto made = [&](const char* certificate, const char* key, const char* ca = "") {
    return TlsServer::make({files.path(certificate), files.path(key), *ca ? files.path(ca) : ca});
  };
  EXPECT_TRUE(made("server.pem", "server.key"));
  EXPECT_FALSE(made("server.pem", "client.key")) << "a key of another certificate";
  EXPECT_FALSE(made("missing.pem", "server.key"));
  EXPECT_FALSE(made("server.pem", "missing.key"));
  EXPECT_FALSE(made("server.pem", "server.key", "missing.pem"));
  EXPECT_FALSE(made("server.pem", "server.key", "server.key")) << "no certificate in it";
}

TEST_F(TlsServerTest, ClientCertificateIsDemanded) {
  restart(files.path("root.pem"));
  EXPECT_TRUE(is_served({.certificate = &files}));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    EXPECT_FALSE(is_served({.version_min = version, .version_max = version}));
  test::TlsFiles strangers;
  strangers.make("client");
  EXPECT_FALSE(is_served({.certificate = &strangers}));
}

TEST_F(TlsServerTest, EndIsSaidOnBothSides) {
  Secured client = secured();
  const auto reply = answer_to(client, http_request("GET", "/", {}, "Connection: close\r\n"));
  EXPECT_EQ(reply.status, 200);
  run_until([&] {
    client.tls->poll();
    return client.tls->told_of_the_end() || over(client);
  });
  EXPECT_TRUE(client.tls->told_of_the_end());

  Secured other = secured();
  other.tls->end();
  run_until([&] {
    other.tls->poll();
    return other.tcp->end() != test::TcpClient::End::kNone;
  });
  EXPECT_TRUE(other.tls->told_of_the_end());
}

TEST_F(TlsServerTest, HandshakeHasADeadline) {
  const auto silent = connect();
  const auto begun = connect();
  begun->send("\x16\x03\x01\x02");
  run_turns(5);
  pass(limits::kHeadTimeout - std::chrono::milliseconds(1));
  EXPECT_EQ(server->counters().open.value(), 2u);
  pass(std::chrono::milliseconds(1));
  run_until([&] { return server->counters().open.value() == 0; });
  EXPECT_EQ(server->counters().timeouts.value(), 2u);
}

TEST_F(TlsServerTest, LargeBodiesGoBothWays) {
  const std::string body(900 * limits::kKiB, 'x');
  Secured client = secured();
  EXPECT_EQ(answer_to(client, http_request("POST", "/", body)).body, body);
}

// What came in one record and more than the pipeline holds waits inside of OpenSSL.
TEST_F(TlsServerTest, DeepPipelineIsAnsweredWhole) {
  handler.answer_at_once = false;
  constexpr std::size_t kCount = 5 * limits::kPipelineDepthMax;
  Secured client = secured();
  std::string requests;
  for (std::size_t i = 0; i < kCount; ++i) requests += http_request("POST", "/", std::to_string(i));
  client.tls->write(requests);
  std::size_t answered = 0;
  run_until([&] {
    for (; answered < handler.taken.size(); ++answered)
      respond(answered, handler.taken[answered].body);
    client.tls->poll();
    return test::replies_in(client.tls->received()).size() == kCount || over(client);
  });
  const auto replies = test::replies_in(client.tls->received());
  ASSERT_EQ(replies.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(replies[i].body, std::to_string(i));
}

TEST_F(TlsServerTest, BytesOneByOneAreTheSame) {
  Secured client = secured();
  const std::string request = http_request("POST", "/", "slowly");
  for (const char& c : request) {
    client.tls->write({&c, 1});
    run_turns(2);
  }
  run_until([&] {
    client.tls->poll();
    return !test::replies_in(client.tls->received()).empty();
  });
  EXPECT_EQ(test::replies_in(client.tls->received())[0].body, "slowly");
}

TEST_F(TlsServerTest, FlippedBitEndsTheConnection) {
  Secured client = secured();
  client.tcp->send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  run_until_over(client);
  EXPECT_TRUE(client.tls->failed());
  EXPECT_TRUE(handler.taken.empty());
}

TEST_F(TlsServerTest, GreetingComesBeforeTheHandshake) {
  stop();
  const ClientRules rules{.proxy_protocol = *core::parse_cidr_list("127.0.0.1")};
  start(64 << 20, {.tls = tls.get(), .clients = &rules});
  Secured client{connect(), nullptr};
  client.tcp->send("PROXY TCP4 192.0.2.9 192.0.2.1 1 2\r\n");
  client.tls = std::make_unique<TlsClient>(*client.tcp, TlsClientOptions{});
  run_until([&] {
    client.tls->poll();
    return client.tls->established() || over(client);
  });
  EXPECT_EQ(answer_to(client, http_request("POST", "/", "x")).status, 200);
  EXPECT_EQ(handler.taken.at(0).peer, "192.0.2.9");
  client = {};
  stop();
}

}  // namespace
}  // namespace headrace::ingest
