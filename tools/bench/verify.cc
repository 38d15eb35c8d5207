// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/verify.h"

#include <algorithm>
#include <tuple>

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

// What the load knows of one message.
struct Message {
  MessageId id;
  std::uint64_t body_hash = 0;
  std::uint64_t due_ns = kNever;
  std::uint64_t accepted_ns = kNever;
  std::uint32_t link = 0;
  std::int16_t open = 0;  // tries without an answer that is known
  bool is_refused = false;
  bool is_reported = false;  // among those that were never accepted

  bool is_accepted() const noexcept { return accepted_ns != kNever; }
  // A try whose end is not known may have been accepted.
  bool may_be_accepted() const noexcept { return is_accepted() || open > 0 || !is_refused; }
};

bool is_before(MessageId left, MessageId right) noexcept {
  return std::tie(left.run, left.number) < std::tie(right.run, right.number);
}

Message message_of(const LedgerRecord& record) noexcept {
  Message message{{record.run, record.number}, record.body_hash};
  message.link = record.endpoint;
  switch (record.event) {
    case LedgerEvent::kDue:
      message.due_ns = record.when_ns;
      message.open = 1;
      break;
    case LedgerEvent::kAccepted:
      message.accepted_ns = record.when_ns;
      message.open = -1;
      break;
    case LedgerEvent::kRefused:
      message.is_refused = true;
      message.open = -1;
      break;
    default:  // kUnknown: its try stays open
      break;
  }
  return message;
}

void merge(Message& into, const Message& other) noexcept {
  into.due_ns = std::min(into.due_ns, other.due_ns);
  into.accepted_ns = std::min(into.accepted_ns, other.accepted_ns);
  into.open = static_cast<std::int16_t>(into.open + other.open);
  into.is_refused |= other.is_refused;
}

// Sorted by id, one each.
class Messages {
 public:
  explicit Messages(std::span<const LedgerView> ledgers) {
    std::size_t count = 0;
    for (const LedgerView& ledger : ledgers)
      if (ledger.kind == LedgerKind::kLoad) count += ledger.records.size();
    all_.reserve(count);
    for (const LedgerView& ledger : ledgers) {
      if (ledger.kind != LedgerKind::kLoad) continue;
      for (const LedgerRecord& record : ledger.records) all_.push_back(message_of(record));
      if (!ledger.is_closed) open_runs_.push_back(ledger.run);
    }
    std::stable_sort(all_.begin(), all_.end(), [](const Message& left, const Message& right) {
      return is_before(left.id, right.id);
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (kept > 0 && all_[kept - 1].id == all_[i].id) {
        merge(all_[kept - 1], all_[i]);
      } else {
        all_[kept++] = all_[i];
      }
    }
    all_.resize(kept);
  }

  // Null: the load does not know it. Sinks receive about in the order of numbers, so it is mostly
  // the one behind the last.
  Message* find(MessageId id) noexcept {
    if (next_ < all_.size() && all_[next_].id == id) return &all_[next_++];
    const auto found = std::lower_bound(
        all_.begin(), all_.end(), id,
        [](const Message& message, MessageId wanted) { return is_before(message.id, wanted); });
    if (found == all_.end() || !(found->id == id)) return nullptr;
    next_ = static_cast<std::size_t>(found - all_.begin()) + 1;
    return &*found;
  }

  // Whether the load was killed, so that what it sent last may be missing.
  bool is_open_run(std::uint64_t run) const noexcept {
    return std::find(open_runs_.begin(), open_runs_.end(), run) != open_runs_.end();
  }

  std::span<const Message> all() const noexcept { return all_; }
  std::size_t index_of(const Message& message) const noexcept {
    return static_cast<std::size_t>(&message - all_.data());
  }

 private:
  std::vector<Message> all_;
  std::vector<std::uint64_t> open_runs_;
  std::size_t next_ = 0;
};

struct Receipt {
  std::uint64_t message;  // its index
  std::uint64_t when_ns;
  std::uint32_t endpoint;
  bool is_delivery;
};

class Verification {
 public:
  Verification(std::span<const LedgerView> ledgers, const VerifyOptions& options)
      : options_(options), messages_(ledgers) {
    for (const LedgerView& ledger : ledgers) {
      ++report_.ledgers;
      report_.unclosed_ledgers += ledger.is_closed ? 0 : 1;
      report_.bytes_cut += ledger.bytes_cut;
    }
    for (const LedgerView& ledger : ledgers) {
      if (ledger.kind != LedgerKind::kSink) continue;
      for (const LedgerRecord& record : ledger.records) receive(record);
    }
  }

  VerifyReport finish() {
    report_unlisted();
    std::sort(receipts_.begin(), receipts_.end(), [](const Receipt& left, const Receipt& right) {
      return std::tie(left.message, left.endpoint, left.when_ns) <
             std::tie(right.message, right.endpoint, right.when_ns);
    });
    auto receipt = receipts_.begin();
    for (std::size_t i = 0; i < messages_.all().size(); ++i) {
      const auto begin = receipt;
      while (receipt != receipts_.end() && receipt->message == i) ++receipt;
      judge(messages_.all()[i], {begin, receipt});
    }
    find_inversions();
    return std::move(report_);
  }

 private:
  void receive(const LedgerRecord& record) {
    ++report_.received;
    const bool is_delivery = record.status >= 200 && record.status < 300;
    report_.deliveries += is_delivery ? 1 : 0;
    const MessageId id{record.run, record.number};
    if (record.event == LedgerEvent::kBadSignature) report_.bad_signatures.add(id);
    if (id.run == 0) {
      ++report_.unidentified;
      return;
    }
    Message* const message = messages_.find(id);
    if (message == nullptr) {
      if (!messages_.is_open_run(id.run)) unlisted_.push_back(id);
      return;
    }
    if (message->body_hash != record.body_hash) report_.altered.add(id);
    if (!message->may_be_accepted() && !message->is_reported) {
      message->is_reported = true;
      report_.unaccepted.add(id);
    }
    receipts_.push_back(
        {messages_.index_of(*message), record.when_ns, record.endpoint, is_delivery});
  }

  // Messages that no load knows, each once.
  void report_unlisted() {
    std::sort(unlisted_.begin(), unlisted_.end(), is_before);
    unlisted_.erase(std::unique(unlisted_.begin(), unlisted_.end()), unlisted_.end());
    for (const MessageId id : unlisted_) report_.unaccepted.add(id);
  }

  // `receipts`: all of this message, by endpoint and time.
  void judge(const Message& message, std::span<const Receipt> receipts) {
    std::uint32_t reached = 0;   // endpoints that received it
    std::uint32_t answered = 0;  // and answered 2xx
    while (!receipts.empty()) {
      std::size_t size = 1;
      while (size < receipts.size() && receipts[size].endpoint == receipts[0].endpoint) ++size;
      ++reached;
      answered += judge_endpoint(message, receipts.first(size)) ? 1 : 0;
      receipts = receipts.subspan(size);
    }
    count(message, reached, answered);
  }

  // Whether it was delivered to that endpoint.
  bool judge_endpoint(const Message& message, std::span<const Receipt> receipts) {
    bool is_delivered = false;
    for (const Receipt& receipt : receipts) {
      if (!receipt.is_delivery) continue;
      if (is_delivered) {
        report_.duplicated.add(message.id);
        continue;
      }
      is_delivered = true;
      firsts_.push_back(receipt);
      if (!message.is_accepted() || message.id.is_apart()) continue;
      report_.from_accepted.record(since(message.accepted_ns, receipt.when_ns));
      if (message.due_ns != kNever) report_.from_due.record(since(message.due_ns, receipt.when_ns));
    }
    return is_delivered;
  }

  // Two threads' reads of one clock may be a little apart.
  static std::uint64_t since(std::uint64_t begin_ns, std::uint64_t end_ns) noexcept {
    return end_ns > begin_ns ? end_ns - begin_ns : 0;
  }

  void count(const Message& message, std::uint32_t reached, std::uint32_t answered) {
    const std::uint32_t wanted = options_.endpoints_per_message;
    report_.more_endpoints += answered > wanted ? 1 : 0;
    if (!message.is_accepted()) {
      ++(message.may_be_accepted() ? report_.unknown : report_.refused);
      if (message.may_be_accepted() && answered > 0) ++report_.unknown_delivered;
      return;
    }
    ++report_.accepted;
    if (answered >= wanted) {
      ++report_.delivered;
      return;
    }
    const bool is_undelivered = reached >= wanted;
    if (is_undelivered) report_.undelivered.add(message.id);
    if (is_undelivered && options_.allow_undelivered) return;
    report_.lost.add(message.id);
    report_.lost_deliveries += wanted - answered;
  }

  // Whether A was overtaken is known at its delivery: something that was delivered before it
  // became due only after A was accepted. So the latest due time so far is all that is needed.
  void find_inversions() {
    const auto lane_of = [this](const Receipt& receipt) {
      return std::tuple(receipt.endpoint, messages_.all()[receipt.message].link);
    };
    std::sort(firsts_.begin(), firsts_.end(), [&](const Receipt& left, const Receipt& right) {
      return std::tuple_cat(lane_of(left), std::tie(left.when_ns, left.message)) <
             std::tuple_cat(lane_of(right), std::tie(right.when_ns, right.message));
    });
    std::uint64_t latest_due_ns = 0;
    bool is_inverted = false;
    for (std::size_t i = 0; i < firsts_.size(); ++i) {
      if (i > 0 && lane_of(firsts_[i - 1]) != lane_of(firsts_[i])) {
        latest_due_ns = 0;
        is_inverted = false;
      }
      const Message& message = messages_.all()[firsts_[i].message];
      if (message.is_accepted() && latest_due_ns > message.accepted_ns) {
        report_.inversions.add(message.id);
        report_.inverted_lanes += is_inverted ? 0 : 1;
        is_inverted = true;
      }
      if (message.due_ns != kNever) latest_due_ns = std::max(latest_due_ns, message.due_ns);
    }
  }

  const VerifyOptions& options_;
  Messages messages_;
  VerifyReport report_;
  std::vector<Receipt> receipts_;
  std::vector<Receipt> firsts_;  // the first delivery of each message to each endpoint
  std::vector<MessageId> unlisted_;
};

}  // namespace

LedgerView view_of(const Ledger& ledger) noexcept {
  return {ledger.header().kind, ledger.header().run, ledger.records(), ledger.is_closed(),
          ledger.bytes_cut()};
}

std::vector<std::string_view> VerifyReport::breaches(const VerifyOptions& options) const {
  std::vector<std::string_view> names;
  const auto add = [&names](std::string_view name, std::uint64_t count) {
    if (count > 0) names.push_back(name);
  };
  add("lost", lost.count);
  add("altered", altered.count);
  add("unaccepted", unaccepted.count);
  add("unidentified", unidentified);
  add("bad_signatures", bad_signatures.count);
  if (!options.allow_duplicates) add("duplicated", duplicated.count);
  return names;
}

VerifyReport verify(std::span<const LedgerView> ledgers, const VerifyOptions& options) {
  return Verification(ledgers, options).finish();
}

}  // namespace headrace::bench_tools
