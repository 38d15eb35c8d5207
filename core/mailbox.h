// SPDX-License-Identifier: Apache-2.0
// Carries messages of one type to one loop from any thread.
//
// Invariant: capacity is fixed at construction; a full mailbox refuses, it never blocks or grows.
// Invariant: what one Sender pushes arrives in order; between senders there is no order.
// Invariant: wake-ups coalesce, so the consumer drains until empty or until its budget is spent.
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

  void open(Loop& loop, OnMail on_mail, void* consumer);
  void close() noexcept;

  bool reserve(std::size_t count) noexcept {
    if (size_.fetch_add(count, std::memory_order_acquire) + count <= capacity_) return true;
    size_.fetch_sub(count, std::memory_order_relaxed);
    return false;
  }
  void release(std::size_t count) noexcept { size_.fetch_sub(count, std::memory_order_release); }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

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
};

template <class T>
class Mailbox {
  // Blocks of the queue are made in the constructor, for the capacity and a few partly used ones a
  // sender.
  static constexpr std::size_t kSendersExpected = 20;

 public:
  explicit Mailbox(std::size_t capacity)
      : signal_(capacity),
        queue_(capacity, kSendersExpected, kSendersExpected),
        consumer_token_(queue_) {}

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
  moodycamel::ConcurrentQueue<T> queue_;
  moodycamel::ConsumerToken consumer_token_;
};

}  // namespace headrace::core
