// SPDX-License-Identifier: Apache-2.0
// Names that move, and our own listeners: a whole engine with a name server on loopback. No message
// is sent while a name leads elsewhere.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/engine/engine_rig.h"
#include "tests/support/name_server.h"

namespace headrace {
namespace {

using test::home;
using test::kStarred;
using test::NameServer;
using test::Sink;

class EngineTargetsTest : public testing::Test {
 protected:
  EngineTargetsTest() {
    thread.start();
    thread.run_and_wait([this] { server = std::make_unique<NameServer>(thread.loop()); });
  }
  ~EngineTargetsTest() override {
    if (engine != nullptr) engine->close();
    thread.run_and_wait([this] { server->close(); });
    thread.stop();
  }

  // An engine that allows what is asked, and asks the name server here.
  void open(std::vector<std::string> allow, std::string listen = "") {
    EngineConfig config = test::small_engine();
    config.endpoint_allow = std::move(allow);
    config.dns_servers = server->address();
    config.listen = std::move(listen);
    engine = test::open(std::move(config));
    link = test::register_app(*engine);
  }
  Result<Endpoint> register_at(const std::string& url) {
    EndpointSettings settings;
    settings.url = url;
    return home(*engine).create_endpoint(
        "shop", {.access_tag = "github", .webhook = "repo", .env = "prd", .settings = settings});
  }
  // The first attempt of a message to it.
  Attempt first_attempt() {
    const auto [status, id] = test::submit(*engine, link, kStarred);
    EXPECT_EQ(status, SubmitStatus::kStored);
    EXPECT_TRUE(test::eventually([&, id = id] { return !test::attempts_of(*engine, id).empty(); }));
    const auto attempts = test::attempts_of(*engine, id);
    return attempts.empty() ? Attempt{} : attempts[0];
  }
  std::string port_of(const std::string& url) {
    const std::size_t colon = url.rfind(':');
    return url.substr(colon, url.find('/', colon) - colon);
  }

  const core::SystemClock clock;
  core::LoopThread thread{clock, "name-server"};
  std::unique_ptr<NameServer> server;
  std::unique_ptr<Engine> engine;
  std::string link;
  Sink receiver;
};

TEST_F(EngineTargetsTest, ANameThatIsPublicWhenRegisteredAndPrivateWhenDeliveredIsBlocked) {
  open({});
  server->v4_address = NameServer::v4(8, 8, 8, 8);
  const std::string url = "http://hooks.test" + port_of(receiver.url()) + "/hook";
  const auto endpoint = register_at(url);
  ASSERT_TRUE(endpoint) << endpoint.error().what;
  server->v4_address = NameServer::v4(127, 0, 0, 1);
  EXPECT_EQ(first_attempt().error, "address_not_allowed");
  EXPECT_EQ(receiver.count(), 0u);
}

TEST_F(EngineTargetsTest, ANameThatIsPrivateIsNotRegistered) {
  open({});
  server->v4_address = NameServer::v4(169, 254, 169, 254);
  server->has_v6 = true;
  const auto endpoint = register_at("http://hooks.test/");
  ASSERT_FALSE(endpoint);
  EXPECT_EQ(endpoint.error().code, ErrorCode::kAddressNotAllowed);
  EXPECT_TRUE(register_at("http://no-such-name.test/")) << "a look-up that fails is no error";
}

TEST_F(EngineTargetsTest, ANamedHostMayBePrivate) {
  open({"hooks.test"});
  server->v4_address = NameServer::v4(127, 0, 0, 1);
  ASSERT_TRUE(register_at("http://hooks.test" + port_of(receiver.url()) + "/hook"));
  EXPECT_EQ(first_attempt().http_status, 200);
  EXPECT_EQ(receiver.wait_for(1).at(0).header("host"), "hooks.test" + port_of(receiver.url()));
}

TEST_F(EngineTargetsTest, AnEndpointCannotLoopBackIntoUs) {
  open({"127.0.0.0/8", "::1"}, "127.0.0.1:0");
  const auto refused = register_at("http://" + engine->ingest_address() + "/in/x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kAddressNotAllowed);
  // The host's own listeners likewise, once they are known.
  const std::string own = "127.0.0.1" + port_of(receiver.url());
  ASSERT_TRUE(register_at(receiver.url()));
  ASSERT_TRUE(engine->keep_from_endpoints(own));
  EXPECT_EQ(first_attempt().error, "address_not_allowed");
  EXPECT_EQ(receiver.count(), 0u);
  EXPECT_FALSE(engine->keep_from_endpoints("nowhere"));
}

TEST_F(EngineTargetsTest, RulesThatAreNoneDoNotOpen) {
  EngineConfig config = test::small_engine();
  config.endpoint_allow = {"10.1.2.3/8"};
  const auto opened = Engine::open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace headrace
