// SPDX-License-Identifier: Apache-2.0
// What happened, in the words of the public API: records of the store joined with the registry's
// ids and tags.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/registry.h"
#include "headrace/registry.h"
#include "store/event_store.h"

namespace headrace::engine {

class History {
 public:
  History(const store::EventStore& store, const Registry& registry)
      : store_(store), registry_(registry) {}

  Result<std::vector<Message>> messages(LinkId link, MessageId before, std::size_t count_max) const;
  Result<MessageDetail> message(MessageId id) const;
  Result<std::vector<Delivery>> deliveries(MessageId id) const;
  Result<std::vector<Attempt>> attempts(MessageId id, EndpointId endpoint) const;
  Result<std::vector<Attempt>> endpoint_attempts(EndpointId endpoint, MessageId before,
                                                 std::size_t count_max) const;

 private:
  Message describe(const store::MessageRecord& record) const;
  Attempt describe(const store::AttemptRecord& record) const;

  const store::EventStore& store_;
  const Registry& registry_;
};

}  // namespace headrace::engine
