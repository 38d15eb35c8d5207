// SPDX-License-Identifier: Apache-2.0
// A filter over what happened, checked, with its names resolved: what one page is asked for.
//
// Threads: one; made for one query.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/numbers.h"
#include "engine/history_cursor.h"
#include "engine/message_walk.h"
#include "engine/registry.h"
#include "headrace/history.h"
#include "store/event_store.h"

namespace headrace::engine {

MessageState state_of(store::MessageStatus status) noexcept;
DeliveryState state_of(store::Verdict verdict) noexcept;

class HistoryQuery {
 public:
  using List = HistoryCursor::List;

  // kInvalidArgument, with the member at fault; kNotFound: the endpoint or event is not the
  // workspace's. `registry` must outlive the query. Links and a message are left to the caller.
  static Result<HistoryQuery> prepare(const Registry& registry, std::string_view workspace,
                                      const HistoryFilter& filter, List list);

  List list() const noexcept { return list_; }
  std::size_t count_max() const noexcept { return filter_.page.count_max; }
  const HistoryCursor& from() const noexcept { return from_; }
  std::optional<core::EndpointNumber> endpoint() const noexcept { return endpoint_; }
  // Nothing can fit.
  bool is_void() const noexcept;
  // What is set is known from an attempt alone.
  bool is_of_attempts_alone() const noexcept;
  MessageWalk::Bounds bounds() const noexcept;

  bool fits(const store::MessageRecord& record);
  // Whether the event alone fits.
  bool fits_event_of(core::EventNumber number) { return event_tag_.empty() || fits_event(number); }
  template <class Item>
  bool fits_outcome(const Item& item) const {
    return (!filter_.delivery_state || item.state == *filter_.delivery_state) &&
           (!filter_.http_status || item.http_status == *filter_.http_status) &&
           fits_error(item.error);
  }

 private:
  HistoryQuery(const Registry& registry, const HistoryFilter& filter, List list)
      : registry_(&registry), filter_(filter), list_(list) {}

  Result<void> check() const;
  Result<void> resolve(std::string_view workspace);
  bool fits_event(core::EventNumber number);
  bool fits_error(const std::string& error) const noexcept;

  const Registry* registry_;
  HistoryFilter filter_;
  List list_;
  HistoryCursor from_;
  std::optional<core::EndpointNumber> endpoint_;
  std::string event_tag_;  // empty: any
  // Whether that number is, or was, of `event_tag_`. An event that was deleted and made anew has
  // several.
  std::unordered_map<core::EventNumber, bool> events_;
};

}  // namespace headrace::engine
