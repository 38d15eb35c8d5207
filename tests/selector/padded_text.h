// SPDX-License-Identifier: Apache-2.0
// A message's body as the receive buffer holds it: exactly the padding behind it, so that the
// address sanitizer sees one byte too far.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "core/buffer.h"

namespace headrace::selector {

class PaddedText {
 public:
  explicit PaddedText(std::string_view text)
      : size_(text.size()), bytes_(new char[size_ + core::BufferPool::kPadding]) {
    if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
    // As if the next request of a pipeline stood there: whoever reads it as part of this one is
    // found out.
    std::memset(bytes_.get() + size_, '1', core::BufferPool::kPadding);
  }
  std::string_view view() const noexcept { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Exactly these bytes on the heap, nothing behind them.
class ExactText {
 public:
  explicit ExactText(std::string_view text) : size_(text.size()), bytes_(new char[size_]) {
    if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
  }
  std::string_view view() const noexcept { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

}  // namespace headrace::selector
