// SPDX-License-Identifier: Apache-2.0
// What happened, in the words of the public API: records of the store joined with the registry's
// ids and tags.
//
// What is not the workspace's is kNotFound, as what is nowhere. The work of one call is bounded
// (core/limits.h, kHistory…); where that ends a page early it has a next one.
// Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/history_query.h"
#include "engine/registry.h"
#include "headrace/history.h"
#include "store/event_store.h"

namespace headrace::engine {

class History {
 public:
  History(const store::EventStore& store, const Registry& registry)
      : store_(store), registry_(registry) {}

  // Newest messages first; the deliveries of one in order of its receivers, the attempts of one in
  // order of time. Messages that the engine sends to providers are found by `filter.message` alone,
  // and their attempts by their endpoint as well. Of messages, filters for outcomes are
  // kInvalidArgument. To `looked_at` is added how many messages were looked at, wanted or not.
  Result<Page<Message>> messages(std::string_view workspace, const HistoryFilter& filter,
                                 std::uint64_t* looked_at = nullptr) const;
  Result<Page<Delivery>> deliveries(std::string_view workspace, const HistoryFilter& filter,
                                    std::uint64_t* looked_at = nullptr) const;
  Result<Page<Attempt>> attempts(std::string_view workspace, const HistoryFilter& filter) const;
  Result<MessageDetail> message(std::string_view workspace, MessageId id) const;
  // kNotFound: the message is not the workspace's. That it is on record is not looked at.
  Result<void> check_owner(std::string_view workspace, MessageId id) const;

 private:
  class Budget;
  class DeliveryFiller;
  class AttemptFiller;

  Result<void> begin(MessageWalk& walk, std::string_view workspace,
                     const HistoryFilter& filter) const;
  Result<void> begin_at(MessageWalk& walk, std::string_view workspace,
                        const HistoryFilter& filter) const;
  Result<bool> goes_to(const store::MessageRecord& record, core::EndpointNumber endpoint) const;
  // Both answer where to go on; without a message: it was the end.
  template <class Filler>
  Result<HistoryCursor> fill(MessageWalk& walk, HistoryQuery& query, Budget& budget,
                             Filler& filler) const;
  template <class Filler>
  Result<HistoryCursor> take_message(const store::MessageRecord& record, const HistoryQuery& query,
                                     Budget& budget, Filler& filler) const;
  Result<HistoryCursor> fill_of_endpoint(const HistoryQuery& query, AttemptFiller& filler) const;

  Message describe(const store::MessageRecord& record) const;
  Delivery describe(const store::MessageRecord& record, core::EndpointNumber endpoint,
                    const std::vector<store::AttemptRecord>& attempts) const;
  Attempt describe(const store::AttemptRecord& record) const;

  const store::EventStore& store_;
  const Registry& registry_;
};

}  // namespace headrace::engine
