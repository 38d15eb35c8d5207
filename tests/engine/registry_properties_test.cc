// SPDX-License-Identifier: Apache-2.0
// What holds for every sequence of changes: what is published is what a fresh start would publish,
// a change that fails leaves no trace, and everything is there after a reload.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <string>

#include "tests/engine/random_changes.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

// A webhook with an event and an endpoint, so that fewer changes are refused at once.
void begin(RegistryRig& rig) {
  for (const char* app : {"a", "a-b"}) {
    rig.webhook(app, "h", {"prd", "snd"});
    rig.event("h:a", "$Event{action}", app);
  }
}

struct Picture {
  explicit Picture(const RegistryRig& rig)
      : stored(rig.stored()), lists(rig.lists()), published(rig.published()) {}
  std::string stored, lists, published;
};

void expect_same(const Picture& now, const Picture& before) {
  RC_ASSERT(now.stored == before.stored);
  RC_ASSERT(now.lists == before.lists);
  RC_ASSERT(now.published == before.published);
}

TEST(RegistryPropertiesTest, WhatIsPublishedIsWhatAFreshStartPublishes) {
  std::size_t made_changes = 0;
  EXPECT_TRUE(rc::check([&] {
    RegistryRig rig;
    begin(rig);
    const int changes = *rc::gen::inRange(5, 30);
    for (int i = 0; i < changes; ++i) {
      random_time(rig.clock);
      const RandomChange change = random_change(*rig.registry);
      RC_LOG() << change.name << '\n';
      made_changes += change.make(*rig.registry).has_value() ? 1 : 0;
      const auto fresh = rig.another();
      RC_ASSERT(rig.published() == published_of(*fresh, rig.memory, rig.clock.wall_ms()));
    }
  }));
  EXPECT_GT(made_changes, 100u);
}

TEST(RegistryPropertiesTest, EverythingIsThereAfterAReload) {
  EXPECT_TRUE(rc::check([] {
    RegistryRig rig;
    begin(rig);
    const int changes = *rc::gen::inRange(5, 30);
    for (int i = 0; i < changes; ++i) {
      random_time(rig.clock);
      (void)random_change(*rig.registry).make(*rig.registry);
    }
    const std::string lists = rig.lists();
    const std::string stored = rig.stored();
    const std::uint64_t seed = rig.registry->dedupe_seed();
    rig.load();
    RC_ASSERT(rig.lists() == lists);
    RC_ASSERT(rig.stored() == stored);
    RC_ASSERT(rig.registry->dedupe_seed() == seed);
  }));
}

TEST(RegistryPropertiesTest, ChangeThatCannotBeWrittenLeavesNoTraceAndCanBeMadeLater) {
  std::size_t failed = 0;
  EXPECT_TRUE(rc::check([&] {
    RegistryRig rig;
    begin(rig);
    const int changes = *rc::gen::inRange(5, 20);
    for (int i = 0; i < changes; ++i) {
      random_time(rig.clock);
      const RandomChange change = random_change(*rig.registry);
      RC_LOG() << change.name << '\n';
      const Picture before(rig);
      rig.store.faults.change_definitions = true;
      const auto refused = change.make(*rig.registry);
      expect_same(Picture(rig), before);
      rig.store.faults = {};
      const auto again = change.make(*rig.registry);
      if (refused) RC_ASSERT(again.has_value());  // it had nothing to write
      if (!refused && refused.error().code == ErrorCode::kStorageFailed) {
        ++failed;
        RC_ASSERT(again.has_value());
        RC_ASSERT(rig.stored() != before.stored);
      }
      if (!again) expect_same(Picture(rig), before);
    }
  }));
  EXPECT_GT(failed, 100u);
}

// Numbers name what is on record; none may come to mean another thing.
TEST(RegistryPropertiesTest, NumbersAreNeverGivenOutTwice) {
  EXPECT_TRUE(rc::check([] {
    RegistryRig rig;
    begin(rig);
    std::map<std::uint32_t, std::string> links, endpoints;
    const int changes = *rc::gen::inRange(5, 20);
    for (int i = 0; i < changes; ++i) {
      rig.store.faults.change_definitions = *rc::gen::inRange(0, 4) == 0;
      (void)random_change(*rig.registry).make(*rig.registry);
      rig.store.faults = {};
      if (*rc::gen::inRange(0, 8) == 0) rig.load();
      for (std::uint32_t n = 1; n < 64; ++n) {
        const LinkId link = rig.registry->link_id(core::LinkNumber{n});
        const EndpointId endpoint = rig.registry->endpoint_id(core::EndpointNumber{n});
        if (link)
          RC_ASSERT(links.try_emplace(n, link.to_string()).first->second == link.to_string());
        if (endpoint)
          RC_ASSERT(endpoints.try_emplace(n, endpoint.to_string()).first->second ==
                    endpoint.to_string());
      }
    }
  }));
}

}  // namespace
}  // namespace headrace::test
