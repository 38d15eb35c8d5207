// SPDX-License-Identifier: Apache-2.0
#include "engine/dead_letters.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "engine/faults.h"
#include "engine/history_query.h"
#include "engine/message_walk.h"
#include "store/message_ids.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;

// As a link's pages of messages do, pages of an endpoint begin small where there are many.
constexpr std::size_t kPageMin = 4;
constexpr std::size_t kPageFirstMax = 128;
constexpr std::size_t kPageMax = 256;

// What was looked at last: its message and endpoint.
struct Place {
  MessageId message;  // zero: at the beginning
  core::EndpointNumber endpoint{};

  bool is_behind(const store::DeadRecord& record) const noexcept {
    if (!message || record.message < message) return true;
    return record.message == message && record.endpoint > endpoint;
  }
};

std::string text_of(const Place& place) {
  std::string text(1 + 2 * kIdDigits, 'x');
  format_base62(place.message.bits, text.data() + 1);
  format_base62(Bits128{0, static_cast<std::uint32_t>(place.endpoint)},
                text.data() + 1 + kIdDigits);
  return text;
}

Result<Place> parse_place(std::string_view text) {
  if (text.empty()) return Place{};
  const Error fault = invalid("/cursor", "the cursor is not one that was given out");
  if (text.size() != 1 + 2 * kIdDigits || text.front() != 'x') return fault;
  const auto message = parse_base62(text.substr(1, kIdDigits));
  const auto endpoint = parse_base62(text.substr(1 + kIdDigits));
  if (!message || *message == Bits128{} || !endpoint || endpoint->high != 0 ||
      endpoint->low > ~std::uint32_t{0})
    return fault;
  return Place{MessageId{*message},
               core::EndpointNumber{static_cast<std::uint32_t>(endpoint->low)}};
}

// The dead deliveries of many endpoints as one list.
class DeadWalk {
 public:
  DeadWalk(const store::EventStore& store, MessageId before, core::WallMs since)
      : store_(store), before_(before), since_(since) {}

  Result<void> over(const std::vector<core::EndpointNumber>& endpoints) {
    const std::size_t share =
        limits::kHistoryMessagesMax / std::max<std::size_t>(endpoints.size(), 1);
    for (const core::EndpointNumber endpoint : endpoints) {
      Source source{endpoint, {}, 0, std::clamp(share, kPageMin, kPageFirstMax)};
      if (auto filled = fill(source); !filled) return filled;
      if (!source.page.empty()) sources_.push_back(std::move(source));
    }
    std::make_heap(sources_.begin(), sources_.end(), is_later);
    return {};
  }
  const store::DeadRecord* current() const noexcept {
    return sources_.empty() ? nullptr : &sources_.front().front();
  }
  Result<void> advance() {
    std::pop_heap(sources_.begin(), sources_.end(), is_later);
    Source& source = sources_.back();
    if (++source.at == source.page.size()) {
      if (auto filled = fill(source); !filled) return filled;
    }
    if (source.page.empty()) {
      sources_.pop_back();
    } else {
      std::push_heap(sources_.begin(), sources_.end(), is_later);
    }
    return {};
  }

 private:
  struct Source {
    core::EndpointNumber endpoint{};
    std::vector<store::DeadRecord> page;
    std::size_t at = 0;
    std::size_t count_max = 0;  // of the next page; 0: its last one was the last

    const store::DeadRecord& front() const noexcept { return page[at]; }
  };

  // The heap's top is the newest message, and of that the least endpoint.
  static bool is_later(const Source& a, const Source& b) noexcept {
    if (a.front().message != b.front().message) return a.front().message < b.front().message;
    return a.endpoint > b.endpoint;
  }

  Result<void> fill(Source& source) {
    const MessageId before = source.page.empty() ? before_ : source.page.back().message;
    source.page.clear();
    source.at = 0;
    if (source.count_max == 0) return {};
    auto page = store_.list_dead(source.endpoint, before, source.count_max);
    if (!page) return std::move(page).error();
    source.page = std::move(*page);
    const bool is_last = source.page.size() < source.count_max;
    const auto end = std::find_if(
        source.page.begin(), source.page.end(),
        [this](const auto& record) { return store::accepted_at(record.message) < since_; });
    const bool is_cut = end != source.page.end();
    source.page.erase(end, source.page.end());
    source.count_max = is_last || is_cut ? 0 : std::min(2 * source.count_max, kPageMax);
    return {};
  }

  const store::EventStore& store_;
  const MessageId before_;
  const core::WallMs since_;
  std::vector<Source> sources_;
};

// What decides whether a dead delivery is wanted.
struct Outcome {
  DeliveryState state = DeliveryState::kDead;
  std::uint16_t http_status = 0;
  std::string error;
};

// The records' link, when only those of one are wanted.
Result<std::optional<core::LinkNumber>> link_of(const Registry& registry,
                                                std::string_view workspace, LinkId id) {
  if (!id) return std::optional<core::LinkNumber>();
  HistoryFilter filter;
  filter.link = id;
  auto links = registry.links_of(workspace, filter);
  if (!links) return std::move(links).error();
  return std::optional<core::LinkNumber>(links->front());
}

Result<void> check(const HistoryFilter& filter) {
  if (filter.message) return invalid("/message", "dead letters are not looked for by message");
  if (filter.message_state) return invalid("/message_state", "dead letters were routed");
  return {};
}

MessageId first_behind(const HistoryFilter& filter, const Place& from) noexcept {
  MessageId before;
  constexpr UnixMs kTimeEnd = UnixMs{1} << 48;  // ids hold 48 bits of milliseconds
  if (filter.until && *filter.until < kTimeEnd) before = first_id_of(*filter.until);
  if (!from.message) return before;
  MessageId end = from.message;
  // Up to and with that message, of which further endpoints may be wanted. No other has the upper
  // half of its id.
  if (end.bits.high != ~std::uint64_t{0}) end = MessageId{{end.bits.high + 1, 0}};
  return before ? std::min(before, end) : end;
}

}  // namespace

Result<Page<DeadLetter>> DeadLetters::list(std::string_view workspace, const HistoryFilter& filter,
                                           std::uint64_t* looked_at) const {
  if (auto checked = check(filter); !checked) return std::move(checked).error();
  auto from = parse_place(filter.page.cursor);
  if (!from) return std::move(from).error();
  HistoryFilter of_outcomes = filter;
  of_outcomes.page.cursor.clear();
  auto query =
      HistoryQuery::prepare(registry_, workspace, of_outcomes, HistoryCursor::List::kDeliveries);
  if (!query) return std::move(query).error();
  auto link = link_of(registry_, workspace, filter.link);
  if (!link) return std::move(link).error();
  auto endpoints = registry_.endpoints_of(workspace, filter);
  if (!endpoints) return std::move(endpoints).error();
  Page<DeadLetter> page;
  const bool wants_none =
      filter.delivery_state.value_or(DeliveryState::kDead) != DeliveryState::kDead;
  if (query->is_void() || wants_none) return page;

  DeadWalk walk(store_, first_behind(filter, *from), filter.since.value_or(0));
  if (auto begun = walk.over(*endpoints); !begun) return std::move(begun).error();
  Place last = *from;
  std::size_t count = 0;
  while (const store::DeadRecord* record = walk.current()) {
    if (page.items.size() == filter.page.count_max || count == limits::kHistoryMessagesMax) {
      page.next = text_of(last);
      break;
    }
    if (last.is_behind(*record)) {
      ++count;
      last = {record->message, record->endpoint};
      DeadLetter letter = describe(*record);
      const bool is_of_link = !*link || record->link == **link;
      if (record->link != core::kSystemLink && is_of_link && query->fits_event_of(record->event) &&
          query->fits_outcome(Outcome{DeliveryState::kDead, letter.http_status, letter.error}))
        page.items.push_back(std::move(letter));
    }
    if (auto advanced = walk.advance(); !advanced) return std::move(advanced).error();
  }
  if (looked_at != nullptr) *looked_at += count;
  return page;
}

DeadLetter DeadLetters::describe(const store::DeadRecord& record) const {
  DeadLetter letter;
  letter.message = record.message;
  letter.endpoint = registry_.endpoint_id(record.endpoint);
  letter.link = registry_.link_id(record.link);
  letter.event = registry_.event_tag(record.event);
  letter.received_at = store::accepted_at(record.message);
  letter.died_at = record.died_at;
  letter.attempts = record.attempts;
  letter.http_status = record.http_status;
  if (record.error != store::AttemptError::kNone) letter.error = store::to_string(record.error);
  return letter;
}

}  // namespace headrace::engine
