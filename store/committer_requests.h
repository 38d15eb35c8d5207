// SPDX-License-Identifier: Apache-2.0
// What the committer was asked to do beside its traffic: deliveries to open again, lanes to empty.
// Internal to store/.
//
// Threads: the store loop. Invariant: only the requests at the front take part in a group, so they
// end in the order in which they were made.
// Limits: kReopeningsQueuedMax reopenings; a discard keeps a position, however much waits.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "headrace/result.h"
#include "store/event_store.h"

namespace headrace::store {

// What came of a request to open deliveries again. The rest of what was asked for belonged to
// messages that are gone.
struct ReopenResult {
  std::size_t reopened = 0;
  std::size_t open = 0;  // was open anyway, nothing done
};

struct ReopenRequest {
  std::vector<Reopening> reopenings;
  std::function<void(Result<ReopenResult>)> done;
  std::size_t settled = 0;   // of them
  std::size_t in_group = 0;  // the ones behind those, in the group that is being committed
  ReopenResult result;
};

struct DiscardRequest {
  EndpointNumber endpoint{};
  LogPosition before{};  // messages that came later are not meant
  std::function<void(Result<std::size_t>)> done;
  bool begun = false;
  bool at_end = false;         // with this group it is through
  core::WallMs after_due = 0;  // how far it is
  MessageId after;
  std::size_t in_group = 0;  // outcomes, the last ones of the group that is being committed
  std::size_t discarded = 0;
};

class RequestQueue {
 public:
  using Request = std::variant<ReopenRequest, DiscardRequest>;

  // kUnavailable when there is no room; it is answered with that in its turn.
  void push(ReopenRequest request);
  void push(DiscardRequest request);

  // In order of arrival, those that have not ended.
  std::deque<Request>& waiting() noexcept { return waiting_; }
  // The first one has ended.
  void end_front(std::optional<Error> error = std::nullopt);
  // All discards end as cancelled.
  void cancel_discards();
  // Tells those that have ended. They may push.
  void tell();

  // Whether there is anything to do. `indexed`: what waits in the store is as it should be, which
  // a discard needs.
  bool wants_turn(bool indexed) const noexcept;

 private:
  struct Ended {
    Request request;
    std::optional<Error> error;
  };

  std::deque<Request> waiting_;
  std::vector<Ended> ended_;
  std::size_t reopenings_ = 0;
};

}  // namespace headrace::store
