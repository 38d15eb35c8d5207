// SPDX-License-Identifier: Apache-2.0
// The codec, the mailbox, the timer wheel and the buffers.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bench/instructions.h"
#include "bench/sample_messages.h"
#include "core/buffer.h"
#include "core/http_request.h"
#include "core/http_response.h"
#include "core/mailbox.h"
#include "core/random.h"
#include "core/timer_wheel.h"

namespace headrace::bench {
namespace {

void read_request(core::RequestParser& parser, std::vector<char>& memory) {
  using Status = core::RequestParser::Status;
  parser.reset(core::limits::kBodyBytesMaxDefault);
  HEADRACE_CHECK(parser.parse(memory.data(), memory.size()) == Status::kHeadComplete);
  HEADRACE_CHECK(parser.parse(memory.data(), memory.size()) == Status::kComplete);
}

void count_codec() {
  const std::string body(kUsualBodyBytes, 'x');
  const std::string by_length = request_by_length(kUsualToken, body);
  const std::string by_chunks = request_by_chunks(kUsualToken, body);
  core::RequestParser parser;
  std::vector<char> memory(by_length.begin(), by_length.end());
  count_instructions("codec.request_by_length", 500, [&](std::uint64_t times) {
    for (; times != 0; --times) read_request(parser, memory);
  });
  // Decoding uses the input up, so a copy of it is in the figure.
  count_instructions("codec.request_by_chunks", 500, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      memory.assign(by_chunks.begin(), by_chunks.end());
      read_request(parser, memory);
    }
  });
  core::ResponseParser responses;
  std::vector<char> capture(core::limits::kResponseBodyBytesKept);
  count_instructions("codec.response", 500, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      responses.reset(capture.data(), capture.size(), false);
      HEADRACE_CHECK(responses.feed(kUsualResponse) == core::ResponseParser::Status::kComplete);
    }
  });
}

struct Letter {
  std::array<std::uint64_t, 8> words;  // about what a delivery is
};

void count_mailbox() {
  constexpr std::size_t kBatch = 64;
  core::Mailbox<Letter> mailbox(1024);
  core::Mailbox<Letter>::Sender sender(mailbox);
  std::array<Letter, kBatch> batch{};
  count_instructions("mailbox.push_and_drain", 100 * kBatch, [&](std::uint64_t times) {
    for (std::uint64_t sent = 0; sent < times; sent += kBatch) {
      for (std::size_t i = 0; i < kBatch; ++i) HEADRACE_CHECK(sender.try_push(Letter{{i}}));
      HEADRACE_CHECK(mailbox.drain(batch) == kBatch);
    }
  });
}

// Deadlines as connections have them; whatever fires is armed again.
class Deadlines {
 public:
  Deadlines() : timers_(std::make_unique<core::Timer[]>(kTimers)) {
    for (std::size_t i = 0; i < kTimers; ++i) {
      timers_[i].owner = this;
      timers_[i].fire = [](core::Timer& timer) noexcept {
        static_cast<Deadlines*>(timer.owner)->arm(timer);
      };
      arm(timers_[i]);
    }
  }
  void put_one_off() noexcept { arm(timers_[random_.below(kTimers)]); }
  void pass_a_millisecond() noexcept { wheel_.advance(++now_); }

 private:
  static constexpr std::size_t kTimers = 20'000;
  static constexpr std::uint64_t kSpanMs = 20'000;

  void arm(core::Timer& timer) noexcept { wheel_.arm(timer, now_ + 1 + random_.below(kSpanMs)); }

  std::uint64_t now_ = 0;
  core::TimerWheel wheel_{0};
  core::Random random_{1};
  std::unique_ptr<core::Timer[]> timers_;
};

void count_timer_wheel() {
  Deadlines deadlines;
  count_instructions("timer_wheel.rearm", 10'000, [&](std::uint64_t times) {
    for (; times != 0; --times) deadlines.put_one_off();
  });
  // About one a millisecond fires.
  count_instructions("timer_wheel.millisecond", 8'192, [&](std::uint64_t times) {
    for (; times != 0; --times) deadlines.pass_a_millisecond();
  });
}

void count_buffers() {
  core::BufferPool pool(1 << 20);
  count_instructions("buffer_pool.acquire_and_release", 10'000, [&](std::uint64_t times) {
    for (; times != 0; --times) keep(pool.acquire(core::limits::kReceiveBufferBytes).data());
  });
}

}  // namespace

void count_core_pieces() {
  count_codec();
  count_mailbox();
  count_timer_wheel();
  count_buffers();
}

}  // namespace headrace::bench
