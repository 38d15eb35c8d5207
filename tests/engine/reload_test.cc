// SPDX-License-Identifier: Apache-2.0
// What a registry makes of what is stored: the first start, later ones, and definitions that
// contradict each other. That everything survives is in registry_properties_test.cc.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/engine/registry_rig.h"
#include "tests/support/master_key.h"

namespace headrace::test {
namespace {

class ReloadTest : public RegistryTest {
 protected:
  Error load_error() {
    return error_of(engine::Registry::load(store, clock, {.master_key = fixed_master_key()}));
  }
  void write(std::string key, std::optional<std::string> value) {
    const std::vector<store::DefinitionChange> changes{{std::move(key), std::move(value)}};
    done(store.change_definitions(changes));
  }
};

TEST_F(ReloadTest, FirstStartMakesTheDefaultWorkspaceAndTheSeed) {
  EXPECT_NE(registry->dedupe_seed(), 0u);
  EXPECT_EQ(registry->workspace("default")->created_at, clock.wall_ms());
  const std::string before = stored();
  const std::uint64_t seed = registry->dedupe_seed();
  clock.advance(std::chrono::hours(1));
  load();
  EXPECT_EQ(registry->dedupe_seed(), seed);
  EXPECT_EQ(stored(), before) << "a later start writes nothing";
}

TEST_F(ReloadTest, FirstStartThatCannotBeWrittenFails) {
  store::MemoryStore empty{store::StoreOptions{}, clock, 1};
  FaultyStore faulty(empty);
  faulty.faults.change_definitions = true;
  EXPECT_EQ(error_of(engine::Registry::load(faulty, clock, {})).code, ErrorCode::kStorageFailed);
}

TEST_F(ReloadTest, DefinitionThatCannotBeReadFailsTheLoad) {
  for (const char* kind : {"workspace", "key", "webhook", "event", "connection", "endpoint", "link",
                           "call", "retired", "counter"}) {
    write(std::string(kind) + "/default/a/b", "nonsense");
    const Error error = load_error();
    EXPECT_EQ(error.code, ErrorCode::kCorrupted);
    EXPECT_NE(error.what.find(kind), std::string::npos) << error.what;
    write(std::string(kind) + "/default/a/b", std::nullopt);
  }
  load();
}

TEST_F(ReloadTest, LinkWithoutItsWebhookFailsTheLoad) {
  webhook();
  write("webhook/default/github/repo", std::nullopt);
  EXPECT_EQ(load_error().code, ErrorCode::kCorrupted);
}

TEST_F(ReloadTest, DefinitionThatCannotBeUsedFailsTheLoad) {
  webhook();
  endpoint();
  std::string json;
  done(memory.scan_definitions("endpoint/",
                               [&](std::string_view, std::string_view value) { json = value; }));
  const std::size_t at = json.find("http://");
  ASSERT_NE(at, std::string::npos);
  write("endpoint/default/github/repo/prd/shop", json.replace(at, 7, "ftp:// "));
  const Error error = load_error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupted);
}

TEST_F(ReloadTest, NamesOfWhatIsDeletedSurviveUntilTheRetention) {
  webhook();
  const Event starred = event();
  const Endpoint shop = endpoint();
  const core::EventNumber event_number =
      *registry->event_number(kWorkspace, "github", "repo:starred");
  const core::LinkNumber link_number = route(shop.link)->number;
  done(registry->delete_app(kWorkspace, "github", {.cascade = true}));
  clock.advance(retention);
  load();
  EXPECT_EQ(registry->event_tag(event_number), "repo:starred");
  EXPECT_EQ(*registry->event_number(kWorkspace, "github", "starred"), event_number);
  EXPECT_EQ(registry->link_id(link_number), shop.link_id);
  EXPECT_TRUE(registry->endpoint_number(kWorkspace, shop.id));
  clock.advance(std::chrono::milliseconds(1));
  load();
  EXPECT_EQ(registry->event_tag(event_number), "");
  EXPECT_FALSE(registry->link_id(link_number));
  EXPECT_FALSE(registry->endpoint_number(kWorkspace, shop.id));
  EXPECT_EQ(stored().find("retired/"), std::string::npos);
  // Numbers go on where they stopped.
  webhook();
  event();
  EXPECT_GT(*registry->event_number(kWorkspace, "github", "starred"), event_number);
  EXPECT_GT(route(endpoint().link)->number, link_number);
}

TEST_F(ReloadTest, CallsThatWereNotHandedOverAreFoundAgain) {
  calling_webhook("https://api.example.com/hooks");
  const auto calls = made(registry->enable(kWorkspace, "shop", enable_spec()));
  load();
  EXPECT_EQ(registry->calls_to_hand_over(), calls);
  done(registry->note_call_message(calls[0], MessageId{{1, 1}}));
  load();
  EXPECT_TRUE(registry->calls_to_hand_over().empty());
}

TEST_F(ReloadTest, UnknownNumbersHaveNoNames) {
  EXPECT_FALSE(registry->link_id(core::LinkNumber{99}));
  EXPECT_FALSE(registry->endpoint_id(core::EndpointNumber{99}));
  EXPECT_EQ(registry->event_tag(core::EventNumber{99}), "");
  EXPECT_EQ(registry->workspace_of(core::LinkNumber{99}), "");
  EXPECT_EQ(registry->workspace_of(core::EndpointNumber{99}), "");
}

}  // namespace
}  // namespace headrace::test
