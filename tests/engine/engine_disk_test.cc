// SPDX-License-Identifier: Apache-2.0
// The whole engine on a real directory: what a restart keeps.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/log.h"
#include "engine/registry.h"
#include "store/rocks_store.h"
#include "tests/engine/engine_rig.h"
#include "tests/support/loopback_targets.h"

namespace headrace {
namespace {

using test::eventually;
using test::FakeEndpoint;
using test::kStarred;
using test::Sink;
using test::small_engine;
using test::submit;

class EngineDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "headrace-engine-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  EngineConfig config() const { return small_engine(root / "data"); }

  std::filesystem::path root;
};

TEST_F(EngineDiskTest, RestartKeepsEverything) {
  Sink sink;
  std::string app_link;
  Endpoint product;
  MessageId id;
  {
    auto engine = test::open(config());
    app_link = test::register_app(*engine);
    product = test::register_product(*engine, "shop", sink.url());
    id = submit(*engine, product.link, kStarred).second;
    sink.wait_for(1);
    ASSERT_TRUE(eventually([&] { return !test::attempts_of(*engine, id).empty(); }));
  }
  auto engine = test::open(config());
  ASSERT_TRUE(engine);
  const Workspace home = test::home(*engine);
  EXPECT_EQ(home.webhook("github", "repo")->envs[0].link, app_link);
  EXPECT_EQ(home.events("github", "repo")->items.size(), 1u);
  EXPECT_EQ(home.endpoints({})->items.front().id, product.id);
  EXPECT_EQ(home.message(id)->body, kStarred);
  EXPECT_EQ(home.message(id)->message.event, "repo:starred");
  EXPECT_EQ(test::deliveries_of(*engine, id).front().state, DeliveryState::kDelivered);
  EXPECT_EQ(test::attempts_of(*engine, id).front().response_body, "thanks");
  const auto [status, next] = submit(*engine, product.link, kStarred);
  EXPECT_EQ(status, SubmitStatus::kStored);
  EXPECT_GT(next, id);
  EXPECT_EQ(sink.wait_for(2).size(), 2u);  // the first one is not delivered again
}

TEST_F(EngineDiskTest, DuplicateIsKnownAfterARestart) {
  const auto send = [](Engine& engine, const std::string& link) {
    std::pair<SubmitStatus, MessageId> answer;
    std::atomic<bool> done{false};
    engine.submit({.link_token = test::token_of(link),
                   .body = kStarred,
                   .header_lines = "webhook-id: abc\r\n"},
                  [&](SubmitStatus status, MessageId id) {
                    answer = {status, id};
                    done = true;
                  });
    EXPECT_TRUE(eventually([&] { return done.load(); }));
    return answer;
  };
  auto engine = test::open(config());
  const std::string link = test::register_app(*engine);
  const auto first = send(*engine, link);
  EXPECT_EQ(first.first, SubmitStatus::kStored);
  engine.reset();
  engine = test::open(config());
  EXPECT_EQ(send(*engine, link), std::pair(SubmitStatus::kDuplicate, first.second));
}

TEST_F(EngineDiskTest, WhatIsInFlightAtTheCloseIsDeliveredAfterTheNextOpen) {
  constexpr std::size_t kMessages = 100;  // more than are in flight at a time
  Sink sink(FakeEndpoint::silence());
  auto engine = test::open(config());
  test::register_app(*engine);
  const Endpoint product = test::register_product(*engine, "shop", sink.url());
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < kMessages; ++i) {
    ids.push_back(submit(*engine, product.link, kStarred).second);
  }
  sink.wait_for(1);
  engine->close();
  engine.reset();
  const std::size_t unanswered = sink.count();
  sink.answer_with(FakeEndpoint::answer(200));
  engine = test::open(config());
  sink.wait_for(unanswered + kMessages);
  EXPECT_TRUE(eventually([&] {
    for (const MessageId id : ids) {
      if (!test::is_delivered(*engine, id)) return false;
    }
    return true;
  }));
  EXPECT_EQ(sink.count(), unanswered + kMessages);
}

// A run may end between the write of a registration and the call that tells the provider.
TEST_F(EngineDiskTest, ProviderThatWasNotToldYetIsToldAfterTheNextOpen) {
  Sink provider(FakeEndpoint::answer(201));
  test::open(config()).reset();
  std::string link;
  {
    const core::SystemClock clock;
    core::NullLogSink log;
    auto store = store::RocksStore::open({.directory = root / "data"}, clock, 1, log);
    ASSERT_TRUE(store) << store.error().what;
    auto registry = engine::Registry::load(
        **store, clock,
        {.public_url = "https://hooks.example",
         .retention = std::chrono::hours(1),
         .targets = test::loopback_targets(),
         .master_key = [this](bool is_sealed) {
           return engine::MasterKey::in_directory(root / "data", !is_sealed);
         }});
    ASSERT_TRUE(registry) << registry.error().what;
    WebhookSpec webhook{.tag = "repo", .name = "", .envs = {{.slug = "prd"}}};
    webhook.envs[0].registration_url = provider.url("/hooks");
    ASSERT_TRUE((*registry)->create_webhook("default", "github", webhook));
    EnableSpec spec{.access_tag = "github", .webhook = "repo", .envs = {{.slug = "prd"}}};
    spec.envs[0].settings.url = "http://127.0.0.1:9/";
    const auto calls = (*registry)->enable("default", "shop", spec);
    ASSERT_TRUE(calls) << calls.error().what;
    ASSERT_EQ(calls->size(), 1u);
    link = (*registry)->registration("default", "shop", "github", "repo", {"prd"})->envs[0].link;
  }
  EXPECT_EQ(provider.count(), 0u);
  auto engine = test::open(config());
  ASSERT_TRUE(engine);
  EXPECT_EQ(provider.wait_for(1)[0].body, R"({"url":")" + link + "\"}");
  const auto state = [&] {
    return test::home(*engine).registrations("shop", "")->items[0].envs[0].state;
  };
  ASSERT_TRUE(eventually([&] { return state() == RegistrationState::kRegistered; }));
  engine.reset();
  engine = test::open(config());
  ASSERT_TRUE(engine);
  EXPECT_EQ(state(), RegistrationState::kRegistered);
  engine->close();
  EXPECT_EQ(provider.count(), 1u) << "it is told once";
}

// As after a SIGKILL between an outcome's record and its note.
TEST_F(EngineDiskTest, OutcomeThatWasNotNotedIsTakenFromItsRecord) {
  Sink provider(FakeEndpoint::answer(201));
  const auto state = [](Engine& engine) {
    return test::home(engine).registrations("shop", "")->items[0].envs[0].state;
  };
  {
    auto engine = test::open(config());
    WebhookSpec webhook{.tag = "repo", .name = "", .envs = {{.slug = "prd"}}};
    webhook.envs[0].registration_url = provider.url("/hooks");
    ASSERT_TRUE(test::home(*engine).create_webhook("github", webhook));
    EnableSpec spec{.access_tag = "github", .webhook = "repo", .envs = {{.slug = "prd"}}};
    spec.envs[0].settings.url = "http://127.0.0.1:9/";
    ASSERT_TRUE(test::home(*engine).enable("shop", spec));
    ASSERT_TRUE(eventually([&] { return state(*engine) == RegistrationState::kRegistered; }));
  }
  {
    const core::SystemClock clock;
    core::NullLogSink log;
    auto store = store::RocksStore::open({.directory = root / "data"}, clock, 1, log);
    ASSERT_TRUE(store) << store.error().what;
    std::vector<store::DefinitionChange> changes;
    ASSERT_TRUE(
        (*store)->scan_definitions("call/", [&](std::string_view key, std::string_view json) {
          auto call = engine::CallDefinition::from_json(json);
          ASSERT_TRUE(call && call->succeeded);
          call->succeeded = false;
          call->attempts = 0;
          changes.push_back({std::string(key), call->to_json()});
        }));
    ASSERT_EQ(changes.size(), 1u);
    ASSERT_TRUE((*store)->change_definitions(changes));
  }
  auto engine = test::open(config());
  ASSERT_TRUE(engine);
  EXPECT_TRUE(eventually([&] { return state(*engine) == RegistrationState::kRegistered; }));
  EXPECT_EQ(provider.count(), 1u) << "it is told once";
}

TEST_F(EngineDiskTest, SecondEngineOnADirectoryIsRefusedAndTheFirstGoesOn) {
  Sink sink;
  auto engine = test::open(config());
  test::register_app(*engine);
  const std::string link = test::register_product(*engine, "shop", sink.url()).link;
  const std::size_t before = test::open_files();
  const auto second = Engine::open(config());
  ASSERT_FALSE(second);
  EXPECT_FALSE(second.error().what.empty());
  EXPECT_EQ(test::open_files(), before);
  EXPECT_EQ(submit(*engine, link, kStarred).first, SubmitStatus::kStored);
  sink.wait_for(1);
  engine.reset();
  EXPECT_TRUE(Engine::open(config()));
}

TEST_F(EngineDiskTest, DirectoryThatCannotBeMadeIsAnError) {
  std::ofstream(root / "file") << "not a directory";
  const auto opened = Engine::open(small_engine(root / "file" / "data"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kStorageFailed);
}

TEST_F(EngineDiskTest, FailedOpenLeavesTheDirectoryUsable) {
  EngineConfig broken = config();
  broken.listen = "nonsense";
  EXPECT_FALSE(Engine::open(broken));
  EXPECT_TRUE(Engine::open(config()));
}

TEST_F(EngineDiskTest, IntactDirectoryNeedsNoRepair) {
  {
    auto engine = test::open(config());
    submit(*engine, test::register_app(*engine), kStarred);
  }
  const auto report = repair(root / "data");
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_NE(report->find("intact"), std::string::npos) << *report;
  EXPECT_TRUE(Engine::open(config()));
}

}  // namespace
}  // namespace headrace
