// SPDX-License-Identifier: Apache-2.0
#include "store/lane_windows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "core/limits.h"

namespace headrace::store {
namespace {

using core::limits::kLaneWindowMax;

Delivery delivery_at(std::uint64_t position, bool pending_entry = false,
                     std::uint32_t endpoint = 1) {
  Delivery delivery;
  delivery.message = MessageId{{position, 1}};
  delivery.endpoint = EndpointNumber{endpoint};
  delivery.ticket.position = LogPosition{position};
  delivery.ticket.pending_entry = pending_entry;
  return delivery;
}

std::uint64_t oldest_position(const DeliverySlots& slots) {
  return slots.oldest() == nullptr ? 0 : static_cast<std::uint64_t>(slots.oldest()->position);
}

TEST(DeliverySlotsTest, OldestIsTheFirstTakenThatIsNotReleased) {
  DeliverySlots slots(4);
  EXPECT_EQ(slots.oldest(), nullptr);
  const auto a = slots.take(delivery_at(10), 1);
  const auto b = slots.take(delivery_at(20), 1);
  const auto c = slots.take(delivery_at(30), 1);
  EXPECT_EQ(oldest_position(slots), 10u);
  slots.release(b);
  EXPECT_EQ(oldest_position(slots), 10u);
  slots.release(a);
  EXPECT_EQ(oldest_position(slots), 30u);
  slots.release(c);
  EXPECT_EQ(slots.oldest(), nullptr);
}

TEST(DeliverySlotsTest, ReleaseGivesBackWhatWasTaken) {
  DeliverySlots slots(2);
  const auto index = slots.take(delivery_at(10, true, 5), 4096);
  EXPECT_NE(index, DeliverySlots::kNone);
  const DeliverySlots::Slot slot = slots.release(index);
  EXPECT_EQ(slot.message, (MessageId{{10, 1}}));
  EXPECT_EQ(slot.position, LogPosition{10});
  EXPECT_EQ(slot.endpoint, EndpointNumber{5});
  EXPECT_EQ(slot.bytes, 4096u);
  EXPECT_TRUE(slot.pending_entry);
}

TEST(DeliverySlotsTest, DeliveriesWithAPendingEntryAreNeverOldest) {
  DeliverySlots slots(4);
  slots.take(delivery_at(10, true), 1);
  EXPECT_EQ(slots.oldest(), nullptr);
  slots.take(delivery_at(20), 1);
  EXPECT_EQ(oldest_position(slots), 20u);
}

TEST(DeliverySlotsTest, MarkingTheOldestPendingKeepsItsSlot) {
  DeliverySlots slots(4);
  const auto a = slots.take(delivery_at(10), 7);
  slots.take(delivery_at(20), 7);
  slots.mark_oldest_pending();
  EXPECT_EQ(oldest_position(slots), 20u);
  EXPECT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots.bytes(), 14u);
  EXPECT_TRUE(slots.contains(EndpointNumber{1}, MessageId{{10, 1}}));
  EXPECT_TRUE(slots.release(a).pending_entry);
  EXPECT_FALSE(slots.contains(EndpointNumber{1}, MessageId{{10, 1}}));
}

TEST(DeliverySlotsTest, FullAtItsCapacityAndUsableAgainAfterARelease) {
  DeliverySlots slots(2);
  const auto a = slots.take(delivery_at(1), 1);
  EXPECT_FALSE(slots.full());
  slots.take(delivery_at(2), 1);
  EXPECT_TRUE(slots.full());
  slots.release(a);
  EXPECT_FALSE(slots.full());
  slots.take(delivery_at(3), 1);
  EXPECT_TRUE(slots.full());
}

TEST(DeliverySlotsTest, ASharedBufferCountsOnceUntilItsLastDeliveryIsReleased) {
  DeliverySlots slots(4);
  const auto a = slots.take(delivery_at(1, false, 1), 1000);
  const auto b = slots.take(delivery_at(1, false, 2), 1000, a);
  const auto c = slots.take(delivery_at(1, false, 3), 1000, b);
  const auto other = slots.take(delivery_at(2), 10);
  EXPECT_EQ(slots.bytes(), 1010u);
  slots.release(a);
  slots.release(c);
  EXPECT_EQ(slots.bytes(), 1010u);
  slots.release(b);
  EXPECT_EQ(slots.bytes(), 10u);
  slots.release(other);
  EXPECT_EQ(slots.bytes(), 0u);
}

TEST(DeliverySlotsTest, ContainsTellsEndpointsApart) {
  DeliverySlots slots(2);
  slots.take(delivery_at(1, false, 4), 1);
  EXPECT_TRUE(slots.contains(EndpointNumber{4}, MessageId{{1, 1}}));
  EXPECT_FALSE(slots.contains(EndpointNumber{5}, MessageId{{1, 1}}));
}

TEST(DeliverySlotsDeathTest, ReleasingASlotTwiceEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  DeliverySlots slots(2);
  const auto index = slots.take(delivery_at(1), 1);
  slots.release(index);
  EXPECT_DEATH(slots.release(index), "");
}

// Against a map from slot to what was put in, in the order of positions.
RC_GTEST_PROP(DeliverySlotsProperty, AgreesWithAMapAfterAnyCalls, ()) {
  struct Kept {
    std::uint64_t position;
    std::size_t bytes;
    bool pending;
  };
  const auto capacity = *rc::gen::inRange<std::size_t>(1, 20);
  const auto calls =
      *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
  DeliverySlots slots(capacity);
  std::map<std::uint32_t, Kept> model;
  std::uint64_t position = 0;
  for (const std::uint8_t call : calls) {
    const auto oldest = [&] {
      return std::min_element(model.begin(), model.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.pending, a.second.position) <
               std::pair(b.second.pending, b.second.position);
      });
    };
    if (call % 4 <= 1 && !slots.full()) {
      const Kept kept{++position, call * std::size_t{100}, call % 8 == 1};
      const auto index = slots.take(delivery_at(position, kept.pending), kept.bytes);
      RC_ASSERT(index != DeliverySlots::kNone);
      RC_ASSERT(model.emplace(index, kept).second);
    } else if (call % 4 == 2 && !model.empty()) {
      const auto it = std::next(model.begin(), call / 4 % static_cast<long>(model.size()));
      const auto slot = slots.release(it->first);
      RC_ASSERT(static_cast<std::uint64_t>(slot.position) == it->second.position);
      RC_ASSERT(slot.pending_entry == it->second.pending);
      model.erase(it);
    } else if (call % 4 == 3 && slots.oldest() != nullptr) {
      slots.mark_oldest_pending();
      oldest()->second.pending = true;
    }
    std::size_t bytes = 0;
    for (const auto& [index, kept] : model) bytes += kept.bytes;
    RC_ASSERT(slots.bytes() == bytes);
    RC_ASSERT(slots.size() == model.size());
    RC_ASSERT(slots.full() == (model.size() == capacity));
    const auto first = oldest();
    const bool any = first != model.end() && !first->second.pending;
    RC_ASSERT(oldest_position(slots) == (any ? first->second.position : 0));
  }
}

TEST(LaneWindowTest, AWindowFullOfBytesHasNoRoomAndAnEmptyOneAlwaysHas) {
  LaneWindow window;
  window.in_memory = 1;
  window.bytes = core::limits::kLaneWindowBytesMax;
  EXPECT_EQ(window.room_at(1000), 0u);
  window.bytes -= 1;
  EXPECT_EQ(window.room_at(1000), core::limits::kLaneWindowMax - 1);
  window.in_memory = 0;
  window.bytes = 2 * core::limits::kLaneWindowBytesMax;
  EXPECT_NE(window.room_at(1000), 0u);
}

TEST(LaneWindowTest, NewWindowIsOpenAndHasRoomForAll) {
  const LaneWindow window;
  EXPECT_TRUE(window.open_at(0));
  EXPECT_EQ(window.room_at(0), kLaneWindowMax);
}

TEST(LaneWindowTest, ClosesWhenItIsFull) {
  LaneWindow window;
  window.in_memory = kLaneWindowMax - 1;
  EXPECT_TRUE(window.open_at(0));
  window.in_memory = kLaneWindowMax;
  EXPECT_FALSE(window.open_at(0));
  EXPECT_EQ(window.room_at(0), 0u);
}

TEST(LaneWindowTest, NewDeliveriesWaitBehindWaitingOnesThoughThereIsRoom) {
  LaneWindow window;
  window.waiting = true;
  EXPECT_FALSE(window.open_at(0));
  EXPECT_EQ(window.room_at(0), kLaneWindowMax);
}

TEST(LaneWindowTest, HasNoRoomBeforeTheHoldEnds) {
  LaneWindow window;
  window.hold_until = 100;
  EXPECT_EQ(window.room_at(99), 0u);
  EXPECT_FALSE(window.open_at(99));
  EXPECT_EQ(window.room_at(100), kLaneWindowMax);
  EXPECT_TRUE(window.open_at(100));
}

TEST(LaneWindowTest, HasRoomForOneWhileProbing) {
  LaneWindow window;
  window.probing = true;
  EXPECT_EQ(window.room_at(0), 1u);
  window.in_memory = 1;
  EXPECT_EQ(window.room_at(0), 0u);
  window.in_memory = 5;  // of the time before the hold
  EXPECT_EQ(window.room_at(0), 0u);
}

TEST(LaneWindowTest, HasRoomForAsManyProbesAsTheHoldSaid) {
  LaneWindow window;
  window.probing = true;
  window.probes = 3;
  window.in_memory = 1;
  EXPECT_EQ(window.room_at(0), 2u);
}

TEST(LaneWindowTest, ANewDeliveryDoesNotOvertakeTheProbeThatIsDue) {
  LaneWindow window;
  window.probing = true;
  window.next_due = 100;
  EXPECT_TRUE(window.open_at(99));
  EXPECT_FALSE(window.open_at(100));
  window.probing = false;
  EXPECT_TRUE(window.open_at(100));
}

TEST(LaneWindowTest, ARewindBeginsAnotherRoundOnceNoneIsInMemory) {
  LaneWindow window;
  window.in_memory = 1;
  window.rewind = true;
  window.rewind_when_empty();
  EXPECT_EQ(window.round, 0u);
  window.in_memory = 0;
  window.rewind_when_empty();
  window.rewind_when_empty();
  EXPECT_EQ(window.round, 1u);
}

TEST(LaneWindowTest, HasNoRoomUntilItWasRewound) {
  LaneWindow window;
  window.rewind = true;
  EXPECT_EQ(window.room_at(0), 0u);
  EXPECT_FALSE(window.open_at(0));
}

TEST(LaneWindowsTest, WindowsKnowTheirEndpointAndNeverMove) {
  LaneWindows windows;
  LaneWindow* const first = &windows.at(EndpointNumber{3});
  EXPECT_EQ(first->endpoint, EndpointNumber{3});
  LaneWindow& far = windows.at(EndpointNumber{100'000});
  EXPECT_EQ(far.endpoint, EndpointNumber{100'000});
  EXPECT_EQ(&windows.at(EndpointNumber{3}), first);
}

}  // namespace
}  // namespace headrace::store
