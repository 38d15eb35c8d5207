// SPDX-License-Identifier: Apache-2.0
// What the tests of the committer have in common: a rig that is started, and short ways to say what
// happens.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/store/committer_rig.h"

namespace headrace::store {

class CommitterTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(rig.start()); }

  // Accepts that many messages for one endpoint, in groups as they come; their ids in order.
  std::vector<MessageId> accept_many(std::size_t count, std::uint32_t endpoint = 1) {
    std::vector<std::uint64_t> tokens;
    while (tokens.size() < count) {
      const std::size_t burst = std::min<std::size_t>(count - tokens.size(), 1000);
      for (std::size_t i = 0; i < burst; ++i) tokens.push_back(rig.push({endpoint}));
      rig.turn();
    }
    std::vector<MessageId> ids;
    for (const std::uint64_t token : tokens) {
      EXPECT_EQ(rig.answer_to(token).acceptance, Acceptance::kStored);
      ids.push_back(rig.answer_to(token).id);
    }
    return ids;
  }
  // Ends everything as delivered until nothing comes any more; what came, in order.
  std::vector<MessageId> deliver_all() {
    std::vector<MessageId> order;
    while (!rig.held.empty()) {
      for (const MessageId id : rig.held_ids()) order.push_back(id);
      rig.end_all();
      rig.pass(std::chrono::milliseconds(200));  // a lane that found no memory looks again by then
    }
    return order;
  }
  std::vector<AttemptRecord> attempts(MessageId id, std::uint32_t endpoint = 1) {
    return rig.memory.list_attempts(EndpointNumber{endpoint}, id).value();
  }
  std::size_t endpoints_waiting() { return rig.memory.pending_endpoints().value().size(); }

  CommitterRig rig;
};

}  // namespace headrace::store
