// SPDX-License-Identifier: Apache-2.0
// How long the messages of a webhook are kept that sets a retention of its own.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class RetentionBookTest : public RegistryTest {
 protected:
  Webhook keeping(std::string tag, std::optional<std::chrono::milliseconds> kept_for) {
    WebhookSpec spec = webhook_spec(std::move(tag));
    spec.retention = kept_for;
    return made(registry->create_webhook(kWorkspace, "github", spec));
  }
  MessageId accept(const Webhook& webhook) {
    store::Group group;
    store::Intake& intake = group.intakes.emplace_back();
    intake.payload.buffer = pool_.acquire(1);
    intake.received_at = clock.wall_ms();
    intake.link = route(webhook.envs.front().link)->number;
    done(store.append(group));
    group.low_water = store.end();
    done(store.apply(group));
    return group.placed.front().id;
  }
  bool is_kept(MessageId id) {
    done(store.retain(clock.wall_ms()));
    return store.find_message(id).has_value();
  }

 private:
  core::BufferPool pool_{1 << 20};
};

TEST_F(RetentionBookTest, AWebhooksOwnHoldsForItsMessagesAlone) {
  const MessageId brief = accept(keeping("brief", hours(1)));
  const MessageId usual = accept(keeping("usual", std::nullopt));
  const MessageId extended = accept(keeping("extended", hours(24 * 90)));
  clock.advance(hours(1) + minutes(1));
  EXPECT_FALSE(is_kept(brief));
  EXPECT_TRUE(is_kept(usual));
  clock.advance(hours(24 * 31));
  EXPECT_FALSE(is_kept(usual)) << "the store keeps 30 days";
  EXPECT_TRUE(is_kept(extended));
}

TEST_F(RetentionBookTest, AChangeCountsForWhatIsOnRecordAlready) {
  const MessageId message = accept(keeping("repo", hours(2)));
  clock.advance(hours(1));
  EXPECT_TRUE(is_kept(message));
  const auto updated =
      made(registry->update_webhook(kWorkspace, "github", "repo", {.retention = minutes(30)}, {}));
  EXPECT_EQ(updated.retention, minutes(30));
  EXPECT_FALSE(is_kept(message));
}

TEST_F(RetentionBookTest, NoneGoesBackToWhatTheEngineKeeps) {
  const MessageId message = accept(keeping("repo", hours(1)));
  const std::optional<std::chrono::milliseconds> none;
  made(registry->update_webhook(kWorkspace, "github", "repo", {.retention = none}, {}));
  clock.advance(hours(2));
  EXPECT_TRUE(is_kept(message));
  EXPECT_FALSE(made(registry->webhook(kWorkspace, "github", "repo")).retention);
}

TEST_F(RetentionBookTest, ARestartAndANewEnvironmentKnowIt) {
  keeping("repo", hours(1));
  WebhookPatch patch;
  patch.envs.push_back({.slug = "snd"});
  auto updated = made(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  std::swap(updated.envs.front(), updated.envs.back());
  const MessageId of_new_env = accept(updated);
  store.set_retention({});
  load();
  clock.advance(hours(2));
  EXPECT_FALSE(is_kept(of_new_env));
}

TEST_F(RetentionBookTest, WhatIsTooShortOrTooLongIsRefused) {
  WebhookSpec spec = webhook_spec();
  for (const std::chrono::milliseconds kept_for :
       {std::chrono::milliseconds(-1), std::chrono::milliseconds(0),
        std::chrono::milliseconds(59'999), std::chrono::milliseconds(hours(24 * 3651))}) {
    spec.retention = kept_for;
    EXPECT_EQ(places(error_of(registry->create_webhook(kWorkspace, "github", spec))), "/retention");
  }
}

}  // namespace
}  // namespace headrace::test
