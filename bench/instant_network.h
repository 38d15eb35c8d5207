// SPDX-License-Identifier: Apache-2.0
// Streams to a receiver that takes all bytes and answers each request at once, without a socket: so
// that what a shard does can be counted by itself.
//
// Threads: everything on one loop. Ownership: outlives the streams; close() before the loop ends.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/loop.h"
#include "dispatch/transport.h"

namespace headrace::bench {

class InstantNetwork final : public dispatch::Transport {
 public:
  // Answers as soon as `request_bytes` have come, as many as each request has.
  InstantNetwork(core::Loop& loop, std::string_view answer) : answer_(answer) {
    HEADRACE_CHECK(uv_idle_init(loop.uv(), &idle_) == 0);
    idle_.data = this;
  }
  void set_request_bytes(std::size_t bytes) noexcept { request_bytes_ = bytes; }
  void close() noexcept { uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr); }

  std::unique_ptr<dispatch::Stream> make_stream(dispatch::StreamOwner& owner) override {
    return std::make_unique<InstantStream>(*this, owner);
  }

 private:
  enum class News : std::uint8_t { kConnected, kAnswer, kWritten, kClosed };

  class InstantStream final : public dispatch::Stream {
   public:
    InstantStream(InstantNetwork& network, dispatch::StreamOwner& owner)
        : network_(network), owner_(owner) {}

    bool connect(const sockaddr&) noexcept override {
      open_ = true;
      bytes_ = 0;
      network_.tell(*this, News::kConnected);
      return true;
    }
    std::optional<std::size_t> try_write(const uv_buf_t* list, unsigned count) noexcept override {
      std::size_t taken = 0;
      for (unsigned i = 0; i < count; ++i) taken += list[i].len;
      bytes_ += taken;
      for (; bytes_ >= network_.request_bytes_; bytes_ -= network_.request_bytes_)
        network_.tell(*this, News::kAnswer);
      return taken;
    }
    bool write(const uv_buf_t* list, unsigned count) noexcept override {
      network_.tell(*this, News::kWritten);
      return try_write(list, count).has_value();
    }
    void close() noexcept override {
      open_ = false;
      network_.tell(*this, News::kClosed);
    }

    void hear(News news) noexcept {
      if (news == News::kClosed) return owner_.on_stream_closed();
      if (!open_) return;
      if (news == News::kConnected) owner_.on_connected(true);
      if (news == News::kWritten) owner_.on_written(true);
      if (news == News::kAnswer) owner_.on_bytes(network_.answer_);
    }

   private:
    InstantNetwork& network_;
    dispatch::StreamOwner& owner_;
    std::size_t bytes_ = 0;  // of the request that is coming
    bool open_ = false;
  };

  // A stream's owner is never called from within the stream, so all news wait for the loop.
  void tell(InstantStream& stream, News news) noexcept {
    if (news_.empty()) uv_idle_start(&idle_, &InstantNetwork::on_idle);
    news_.emplace_back(&stream, news);
  }
  static void on_idle(uv_idle_t* idle) noexcept {
    auto& self = *static_cast<InstantNetwork*>(idle->data);
    uv_idle_stop(idle);
    self.telling_.swap(self.news_);
    for (const auto& [stream, news] : self.telling_) stream->hear(news);
    self.telling_.clear();
  }

  const std::string_view answer_;
  std::size_t request_bytes_ = 1;
  uv_idle_t idle_{};
  std::vector<std::pair<InstantStream*, News>> news_, telling_;
};

}  // namespace headrace::bench
