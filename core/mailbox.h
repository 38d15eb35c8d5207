// SPDX-License-Identifier: Apache-2.0
// Carries messages of one type to one loop from any thread.
//
// Invariant: capacity is fixed at construction; a full mailbox refuses, it never blocks or grows.
// Invariant: what one Sender pushes arrives in order; between senders there is no order.
// Invariant: wake-ups coalesce, so the consumer drains until empty or until its budget is spent. A
// consumer that lets mail pile up is woken once, and not again before it asks (open_to_wait()).
// Lifecycle: open() on the consumer's loop before the first drain; close() there before
// destruction.
#pragma once

#include <concurrentqueue/concurrentqueue.h>
#include <uv.h>

#include <atomic>
#include <cstddef>
#include <span>
#include <utility>

#include "core/check.h"
#include "core/loop.h"

namespace headrace::core {

// The part that does not depend on the type: the count that bounds, and the wake-up.
class MailboxSignal {
 public:
  using OnMail = void (*)(void* consumer) noexcept;

  explicit MailboxSignal(std::size_t capacity) noexcept : capacity_(capacity) {}
  ~MailboxSignal() { HEADRACE_CHECK(!open_); }

  void open(Loop& loop, OnMail on_mail, void* consumer, bool waits = false);
  void close() noexcept;

  bool reserve(std::size_t count) noexcept {
    if (size_.fetch_add(count, std::memory_order_acquire) + count <= capacity_) return true;
    size_.fetch_sub(count, std::memory_order_relaxed);
    return false;
  }
  void release(std::size_t count) noexcept { size_.fetch_sub(count, std::memory_order_release); }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  // What is pushed from here on is announced anew. Before the consumer looks how much there is.
  void listen() noexcept {
    notified_.store(false, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  // Only the first notice after a drain costs a system call. libuv before 1.53 tests its own
  // pending flag with a relaxed load, which may be ordered before the push: hence the full fence.
  void notify() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!notified_.load(std::memory_order_relaxed) &&
        !notified_.exchange(true, std::memory_order_seq_cst)) {
      uv_async_send(&async_);
    }
  }

 private:
  static void on_async(uv_async_t* handle) noexcept;

  const std::size_t capacity_;
  alignas(64) std::atomic<std::size_t> size_{0};
  alignas(64) std::atomic<bool> notified_{false};
  uv_async_t async_{};
  OnMail on_mail_ = nullptr;
  void* consumer_ = nullptr;
  bool open_ = false;
  bool waits_ = false;
};

template <class T>
class Mailbox {
  using Queue = moodycamel::ConcurrentQueue<T>;
  // Blocks of the queue are made in the constructor: for the capacity, and what so many senders
  // have begun. (Its own count for several senders is the capacity for each of them, which no bound
  // of ours lets them use.)
  static constexpr std::size_t kSendersExpected = 20;
  static constexpr std::size_t kBegun = 2 * kSendersExpected * Queue::BLOCK_SIZE;

 public:
  explicit Mailbox(std::size_t capacity)
      : signal_(capacity), queue_(capacity + kBegun), consumer_token_(queue_) {}

  // One a producing thread; must be destroyed before the mailbox.
  class Sender {
   public:
    explicit Sender(Mailbox& mailbox) : mailbox_(mailbox), token_(mailbox.queue_) {}

    // False: full, the caller sheds and `message` is untouched. Does not wake the consumer:
    // notify() does.
    bool try_push(T&& message) noexcept {
      if (!mailbox_.signal_.reserve(1)) return false;
      mailbox_.queue_.enqueue(token_, std::move(message));
      pushed_ = true;
      return true;
    }
    // Wakes the consumer if anything was pushed since the last call. Call once a batch.
    void notify() noexcept {
      if (std::exchange(pushed_, false)) mailbox_.signal_.notify();
    }

   private:
    Mailbox& mailbox_;
    moodycamel::ProducerToken token_;
    bool pushed_ = false;
  };

  // `on_mail(consumer)` is called on `loop` after messages were pushed and notified.
  void open(Loop& loop, MailboxSignal::OnMail on_mail, void* consumer) {
    signal_.open(loop, on_mail, consumer);
  }
  // The same for a consumer that lets mail pile up: after `on_mail` nothing wakes it until it calls
  // listen(), which it does each time before it looks at size() or drains.
  void open_to_wait(Loop& loop, MailboxSignal::OnMail on_mail, void* consumer) {
    signal_.open(loop, on_mail, consumer, true);
  }
  void listen() noexcept { signal_.listen(); }
  void close() noexcept { signal_.close(); }

  // Moves up to batch.size() messages out; 0 when empty. When it fills the batch there may be more:
  // the consumer drains again or calls rearm(). Consumer's thread only.
  std::size_t drain(std::span<T> batch) noexcept {
    const std::size_t count = queue_.try_dequeue_bulk(consumer_token_, batch.data(), batch.size());
    if (count != 0) signal_.release(count);
    return count;
  }
  // Has on_mail called again in the next iteration.
  void rearm() noexcept { signal_.notify(); }

  std::size_t size() const noexcept { return signal_.size(); }  // any thread, approximate

 private:
  MailboxSignal signal_;
  Queue queue_;
  moodycamel::ConsumerToken consumer_token_;
};

}  // namespace headrace::core
