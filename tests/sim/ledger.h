// SPDX-License-Identifier: Apache-2.0
// What happened, as the senders, the store and the receivers saw it, and what must hold of it.
//
// Every check has a name, and the first one that does not hold is kept. A *run* is the life of one
// process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/endpoint.h"
#include "store/event_store.h"
#include "tests/sim/agenda.h"
#include "tests/sim/trace.h"

namespace headrace::sim {

struct Failure {
  std::string check;
  std::string what;
};

class Ledger {
 public:
  enum class Fate : std::uint8_t { kOpen, kDelivered, kDead };
  struct Delivery {
    Fate fate = Fate::kOpen;
    std::uint32_t recorded = 0;  // attempts whose outcome the log has
    core::WallMs due = 0;        // not attempted before
    Ns recorded_at = 0;
    bool succeeded = false;      // its receiver said 2xx
    bool unordered = false;      // nothing is promised about its place any more
    bool overtaken = false;      // a later one began while this one was open
    std::uint32_t receipts = 0;  // whole requests, over all runs
    std::uint32_t excused = 0;   // of these: need no record
    std::uint32_t run_receipts = 0;
    std::uint32_t run_outcomes = 0;
  };
  using Key = std::pair<std::uint32_t, MessageId>;  // endpoint, message

  Ledger(const SimClock& clock, Trace& trace) : clock_(clock), trace_(trace) {}

  const std::optional<Failure>& failure() const noexcept { return failure_; }
  void fail(std::string_view check, std::string what);

  // Senders.
  struct Submission {
    enum class State : std::uint8_t { kWaits, kStored, kDuplicate, kRefused, kUnknown };
    State state = State::kWaits;
    std::vector<std::uint32_t> targets;
    std::string body;
    std::uint64_t key = 0;  // 0: none
  };
  std::uint64_t submit(std::vector<std::uint32_t> targets, std::size_t body_bytes,
                       std::uint64_t key);
  const Submission& submission(std::uint64_t number) const { return submissions_[number - 1]; }
  void on_answer(std::uint64_t number, const Result<store::Answer>& answer);

  // The store.
  void on_stored(MessageId id, std::string_view body);
  void on_outcome(const store::Outcome& outcome);
  void on_loaded(const store::Delivery& delivery);
  void on_synced() { unsynced_.clear(); }  // all that was appended so far is
  void on_refused(const store::Group& group);
  void on_clock_set_back() { set_back_at_ = clock_.steady_ns(); }

  // Endpoints; null: deleted.
  void set_endpoint(std::uint32_t number, const dispatch::EndpointSettings* settings);
  void set_reliable(std::uint32_t number) { endpoints_[number].reliable = true; }

  // The network. `goes_on`: the attempt began on another connection.
  void on_attempt(std::uint32_t endpoint, bool goes_on);
  void on_attempt_over(std::uint32_t endpoint);
  void on_request(std::uint32_t endpoint, MessageId id, bool goes_on);
  // `unseen`: it is answered by nothing on a connection that was used before, so the attempt begins
  // anew.
  void on_receipt(std::uint32_t endpoint, MessageId id, std::string_view body, bool unseen);
  // As if the last receipt had been `unseen`.
  void on_receipt_unseen(std::uint32_t endpoint, MessageId id);
  void on_success(std::uint32_t endpoint, MessageId id);

  // Runs.
  void end_run();
  // After the store was opened again. `power_cut`: what was not synced may be lost.
  void begin_run(const store::EventStore& store, bool power_cut);
  // Nothing waits for long at a reliable endpoint while all else is well.
  void check_progress();
  bool all_over() const noexcept { return open_ == 0 && waiting_ == 0; }
  std::string describe_open() const;
  void check_end(store::EventStore& store);

  std::uint64_t stored() const noexcept { return messages_.size(); }
  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t delivered() const noexcept { return delivered_; }

 private:
  struct Endpoint {
    std::optional<dispatch::EndpointSettings> settings;
    bool reliable = false;
    std::uint32_t cap = 0;
    std::uint32_t cap_before = 0;  // of a time that attempts under way may be from
    Ns cap_before_until = 0;
    std::size_t attempts_max = 0;  // by any schedule that it ever had
    std::uint32_t under_way = 0;
    double tokens = 0;
    Ns tokens_at = 0;
    core::WallMs hold_until = 0;  // as the last outcomes had it
    Ns held_at = 0;
    MessageId last_first;  // the latest that was attempted for the first time
    std::set<MessageId> open;
    Ns progress_at = 0;
  };
  struct Message {
    std::uint64_t number = 0;
    bool acknowledged = false;
  };

  Endpoint& at(std::uint32_t number) { return endpoints_[number]; }
  Delivery* find(std::uint32_t endpoint, MessageId id);
  void add_message(MessageId id, std::uint64_t number, bool unordered);
  void check_order(Endpoint& endpoint, std::uint32_t number, Delivery& delivery, MessageId id);
  void check_rate(Endpoint& endpoint, std::uint32_t number);
  void settle(const Key& key, Delivery& delivery, const store::EventStore& store);
  void close(const Key& key, Delivery& delivery, Fate fate);
  void check_delivery(const Key& key, const Delivery& delivery, const store::EventStore& store);
  void check_message(MessageId id, const Message& message, const store::EventStore& store);
  std::string name_of(std::uint32_t endpoint, MessageId id) const;

  const SimClock& clock_;
  Trace& trace_;
  std::optional<Failure> failure_;
  std::vector<Submission> submissions_;
  std::map<MessageId, Message> messages_;
  std::map<Key, Delivery> deliveries_;
  std::map<std::uint32_t, Endpoint> endpoints_;
  std::vector<Key> unsynced_;  // whose outcomes a power cut may take
  std::set<Key> refused_;      // whose outcomes may stand in the log though it did not take them
  Ns set_back_at_ = 0;
  std::size_t open_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t delivered_ = 0;
  bool store_failed_once_ = false;
};

// The number that a message's body bears; 0: none.
std::uint64_t number_in(std::string_view body);

}  // namespace headrace::sim
