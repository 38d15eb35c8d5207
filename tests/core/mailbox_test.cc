// SPDX-License-Identifier: Apache-2.0
#include "core/mailbox.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"

namespace headrace::core {
namespace {

struct Letter {
  int sender = 0;
  int number = 0;
};

TEST(MailboxTest, RefusesBeyondItsCapacityAndLeavesTheMessageUntouched) {
  Mailbox<std::unique_ptr<int>> mailbox(2);
  Mailbox<std::unique_ptr<int>>::Sender sender(mailbox);
  EXPECT_TRUE(sender.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(sender.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(sender.try_push(std::move(third)));
  ASSERT_NE(third, nullptr);  // NOLINT: refused means not moved from
  EXPECT_EQ(mailbox.size(), 2u);

  std::array<std::unique_ptr<int>, 1> one;
  EXPECT_EQ(mailbox.drain(one), 1u);
  EXPECT_EQ(*one[0], 1);
  EXPECT_TRUE(sender.try_push(std::move(third)));
  EXPECT_EQ(mailbox.drain(one), 1u);
  EXPECT_EQ(mailbox.drain(one), 1u);
  EXPECT_EQ(*one[0], 3);
  EXPECT_EQ(mailbox.drain(one), 0u);
}

// Takes letters on a loop, a few at a time, and checks that each sender's arrive in order.
class Reader {
 public:
  Reader(LoopThread& thread, Mailbox<Letter>& mailbox, int senders, int expected)
      : thread_(thread),
        mailbox_(mailbox),
        next_(static_cast<std::size_t>(senders)),
        left_(expected) {
    mailbox_.open(
        thread_.loop(), [](void* reader) noexcept { static_cast<Reader*>(reader)->on_mail(); },
        this);
  }
  void wait() {
    while (!done_.load(std::memory_order_acquire)) done_.wait(false, std::memory_order_acquire);
  }
  bool in_order() const { return in_order_; }

 private:
  void on_mail() noexcept {
    std::array<Letter, 16> batch;
    const std::size_t count = mailbox_.drain(batch);
    for (std::size_t i = 0; i < count; ++i) {
      int& next = next_[static_cast<std::size_t>(batch[i].sender)];
      in_order_ = in_order_ && batch[i].number == next;
      ++next;
    }
    left_ -= static_cast<int>(count);
    if (count == batch.size()) mailbox_.rearm();
    if (left_ > 0) return;
    done_.store(true, std::memory_order_release);
    done_.notify_one();
  }

  LoopThread& thread_;
  Mailbox<Letter>& mailbox_;
  std::vector<int> next_;
  int left_;
  bool in_order_ = true;
  std::atomic<bool> done_{false};
};

// Hangs (and so fails by the test's time limit) when a wake-up is lost.
TEST(MailboxTest, EveryLetterOfManySendersArrivesInItsSendersOrder) {
  constexpr int kSenders = 4;
  constexpr int kLetters = 20'000;
  const SystemClock clock;
  LoopThread thread(clock, "reader");
  Mailbox<Letter> mailbox(256);
  Reader reader(thread, mailbox, kSenders, kSenders * kLetters);
  thread.start();
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&mailbox, s] {
      Mailbox<Letter>::Sender sender(mailbox);
      for (int n = 0; n < kLetters;) {
        if (sender.try_push({s, n})) {
          ++n;
          if (n % (s + 1) == 0) sender.notify();
        } else {
          sender.notify();
          std::this_thread::yield();
        }
      }
      sender.notify();
    });
  }
  for (std::thread& sender : senders) sender.join();
  reader.wait();
  thread.run_and_wait([&] { mailbox.close(); });
  thread.stop();
  EXPECT_TRUE(reader.in_order());
  EXPECT_EQ(mailbox.size(), 0u);
}

// A consumer that lets mail pile up is woken once for all of it, and again once it has listened.
TEST(MailboxTest, WhoWaitsIsWokenOnceUntilItListens) {
  const SystemClock clock;
  Loop loop(clock);
  Mailbox<Letter> mailbox(8);
  int woken = 0;
  mailbox.open_to_wait(
      loop, [](void* count) noexcept { ++*static_cast<int*>(count); }, &woken);
  Mailbox<Letter>::Sender sender(mailbox);
  const auto send = [&] {
    ASSERT_TRUE(sender.try_push({0, 0}));
    sender.notify();
    loop.run_once();
  };
  for (int i = 0; i < 3; ++i) send();
  EXPECT_EQ(woken, 1);
  mailbox.listen();
  EXPECT_EQ(mailbox.size(), 3u);
  std::array<Letter, 8> batch;
  EXPECT_EQ(mailbox.drain(batch), 3u);
  for (int i = 0; i < 3; ++i) send();
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(mailbox.drain(batch), 3u);
  mailbox.close();
  loop.run_once();
}

// One letter at a time, each awaited: the consumer is asleep or about to be at each push.
TEST(MailboxTest, SingleLettersWakeASleepingLoop) {
  constexpr int kLetters = 5'000;
  const SystemClock clock;
  LoopThread thread(clock, "reader");
  Mailbox<Letter> mailbox(4);
  std::atomic<int> received{0};
  struct Consumer {
    Mailbox<Letter>& mailbox;
    std::atomic<int>& received;
  } consumer{mailbox, received};
  mailbox.open(
      thread.loop(),
      [](void* self) noexcept {
        auto& c = *static_cast<Consumer*>(self);
        std::array<Letter, 4> batch;
        const std::size_t count = c.mailbox.drain(batch);
        if (count == 0) return;
        c.received.fetch_add(static_cast<int>(count), std::memory_order_release);
        c.received.notify_one();
      },
      &consumer);
  thread.start();
  {
    Mailbox<Letter>::Sender sender(mailbox);
    for (int n = 0; n < kLetters; ++n) {
      ASSERT_TRUE(sender.try_push({0, n}));
      sender.notify();
      while (received.load(std::memory_order_acquire) == n)
        received.wait(n, std::memory_order_acquire);
    }
  }
  thread.run_and_wait([&] { mailbox.close(); });
  thread.stop();
  EXPECT_EQ(received.load(), kLetters);
}

// A consumer that only takes note of mail, and drains when it has its turn.
struct NotingConsumer {
  explicit NotingConsumer(Loop& loop, Mailbox<Letter>& mailbox) {
    mailbox.open(
        loop, [](void* self) noexcept { ++static_cast<NotingConsumer*>(self)->notices; }, this);
  }
  int notices = 0;
};

TEST(MailboxTest, MailIsAnnouncedAnewThoughTheConsumerDrainsLater) {
  const SystemClock clock;
  Mailbox<Letter> mailbox(8);
  Mailbox<Letter>::Sender sender(mailbox);
  Loop loop(clock);
  NotingConsumer consumer(loop, mailbox);
  ASSERT_TRUE(sender.try_push({0, 1}));
  sender.notify();
  loop.run_once();
  EXPECT_EQ(consumer.notices, 1);
  ASSERT_TRUE(sender.try_push({0, 2}));  // nothing was drained yet
  sender.notify();
  loop.run_once();
  EXPECT_EQ(consumer.notices, 2);
  std::array<Letter, 4> batch;
  EXPECT_EQ(mailbox.drain(batch), 2u);
  ASSERT_TRUE(sender.try_push({0, 3}));
  sender.notify();
  loop.run_once();
  EXPECT_EQ(consumer.notices, 3);
  mailbox.close();
}

TEST(MailboxTest, NoticesCoalesceUntilTheLoopHasItsTurn) {
  const SystemClock clock;
  Mailbox<Letter> mailbox(8);
  Mailbox<Letter>::Sender sender(mailbox);
  Loop loop(clock);
  NotingConsumer consumer(loop, mailbox);
  for (int n = 0; n < 3; ++n) {
    ASSERT_TRUE(sender.try_push({0, n}));
    sender.notify();
  }
  loop.run_once();
  loop.run_once();
  EXPECT_EQ(consumer.notices, 1);
  mailbox.rearm();
  loop.run_once();
  EXPECT_EQ(consumer.notices, 2);
  mailbox.close();
}

TEST(MailboxTest, MailThatOneConsumerLeftIsAnnouncedToTheNext) {
  const SystemClock clock;
  Mailbox<Letter> mailbox(8);
  Mailbox<Letter>::Sender sender(mailbox);
  Loop loop(clock);
  NotingConsumer first(loop, mailbox);
  ASSERT_TRUE(sender.try_push({0, 1}));
  sender.notify();
  mailbox.close();  // with a notice under way
  loop.run_once();
  EXPECT_EQ(first.notices, 0);
  NotingConsumer second(loop, mailbox);
  loop.run_once();
  EXPECT_EQ(second.notices, 1);
  ASSERT_TRUE(sender.try_push({0, 2}));
  sender.notify();
  loop.run_once();
  EXPECT_EQ(second.notices, 2);
  mailbox.close();
}

}  // namespace
}  // namespace headrace::core
