// SPDX-License-Identifier: Apache-2.0
// Decides which deliveries a group opens again, and what that makes of their messages. Internal to
// store/.
//
// Threads: the store thread.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "store/event_store.h"
#include "store/intake_reader.h"
#include "store/reopening_rules.h"
#include "store/rocks_database.h"

namespace headrace::store {

// None: it fell to the retention or was erased.
Result<std::optional<MessageEntry>> read_message_value(const RocksDatabase& database, MessageId id);

class Reopenings {
 public:
  Reopenings(const RocksDatabase& database, const MessageLog& log)
      : database_(database), reader_(log) {}

  // Fills group.reopened. Of messages that are not kept any more none is opened again.
  Result<void> begin(Group& group, const Expiry::View& expiry);
  // Those that are opened, in order.
  std::span<const ReopeningRecord> records() const noexcept { return records_; }
  // What becomes of their messages.
  template <class Visit>
  void for_each_message(Visit visit) const {
    for (const auto& [id, seen] : messages_) {
      if (seen.changed) visit(*seen.entry);
    }
  }

 private:
  struct Seen {
    std::optional<MessageEntry> entry;
    bool changed = false;
  };

  Result<Seen*> look_up(MessageId id, const Expiry::View& expiry);
  Result<Reopened> decide(const Reopening& reopening, const Expiry::View& expiry);
  Result<bool> was_sent_to(const MessageRecord& record, EndpointNumber endpoint);
  Result<std::optional<LastAttempt>> last_attempt(EndpointNumber endpoint, MessageId message) const;

  const RocksDatabase& database_;
  IntakeReader reader_;
  std::map<MessageId, Seen> messages_;  // of the group
  std::vector<ReopeningRecord> records_;
};

}  // namespace headrace::store
