// SPDX-License-Identifier: Apache-2.0
#include "engine/message_walk.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "store/message_ids.h"

namespace headrace::engine {
namespace {

// Pages of a link begin small where there are many links, as most messages read ahead are thrown
// away then, and double while they are used up.
constexpr std::size_t kPageMin = 4;
constexpr std::size_t kPageFirstMax = 128;
constexpr std::size_t kPageMax = 256;

}  // namespace

Result<void> MessageWalk::over(const std::vector<core::LinkNumber>& links) {
  if (links.size() > 1 && !bounds_.is_settled) {
    if (auto settled = settle(links); !settled) return settled;
    if (!bounds_.before) return {};
  }
  const std::size_t share =
      core::limits::kHistoryMessagesMax / std::max<std::size_t>(links.size(), 1);
  const std::size_t first = std::clamp(share, kPageMin, kPageFirstMax);
  for (const core::LinkNumber link : links) {
    Source source{link, {}, 0, first};
    if (auto filled = fill(source); !filled) return filled;
    if (!source.page.empty()) sources_.push_back(std::move(source));
  }
  std::make_heap(sources_.begin(), sources_.end(), is_older);
  return {};
}

// Groups are applied whole and in order of the ids, so what is older than a message that was seen
// can be seen from then on. Without this bound a link that is read early would lack messages older
// than some of a link that is read later, and a cursor would pass over them.
Result<void> MessageWalk::settle(const std::vector<core::LinkNumber>& links) {
  MessageId newest;
  for (const core::LinkNumber link : links) {
    auto head = store_.list_messages(link, bounds_.before, 1);
    if (!head) return std::move(head).error();
    if (!head->empty()) newest = std::max(newest, head->front().id);
  }
  // The upper halves alone grow strictly, so this is just behind the newest.
  bounds_.before = newest ? MessageId{{newest.bits.high + 1, 0}} : MessageId{};
  return {};
}

void MessageWalk::over(const store::MessageRecord& message) {
  const bool is_before = !bounds_.before || message.id < bounds_.before;
  if (is_before && is_within(message)) sources_.push_back({message.link, {message}, 0, 0});
}

Result<void> MessageWalk::fill(Source& source) {
  const MessageId before = source.page.empty() ? bounds_.before : source.page.back().id;
  source.page.clear();
  source.at = 0;
  if (source.count_max == 0) return {};  // its last page was the last
  auto page = store_.list_messages(source.link, before, source.count_max);
  if (!page) return std::move(page).error();
  source.page = std::move(*page);
  const bool is_last = source.page.size() < source.count_max;
  const auto end = std::find_if(source.page.begin(), source.page.end(),
                                [this](const auto& record) { return !is_within(record); });
  const bool is_cut = end != source.page.end();
  source.page.erase(end, source.page.end());
  source.count_max = is_last || is_cut ? 0 : std::min(2 * source.count_max, kPageMax);
  return {};
}

bool MessageWalk::is_within(const store::MessageRecord& record) const noexcept {
  return store::accepted_at(record.id) >= bounds_.since;
}

const store::MessageRecord* MessageWalk::current() const noexcept {
  return sources_.empty() ? nullptr : &sources_.front().front();
}

Result<void> MessageWalk::advance() {
  std::pop_heap(sources_.begin(), sources_.end(), is_older);
  Source& source = sources_.back();
  if (++source.at == source.page.size()) {
    if (auto filled = fill(source); !filled) return filled;
  }
  if (source.page.empty()) {
    sources_.pop_back();
  } else {
    std::push_heap(sources_.begin(), sources_.end(), is_older);
  }
  return {};
}

}  // namespace headrace::engine
