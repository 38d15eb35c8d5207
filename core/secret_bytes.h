// SPDX-License-Identifier: Apache-2.0
// Bytes that nobody may see: keys, and whatever is as good as a key.
//
// They lie in pages of their own that are left out of core dumps, are wiped when they go, and have
// no way to be printed: no operator<<, no conversion to a string. Who needs them says view().
// Threads: any, each object one at a time. Limits: memory grows with what is kept, and pages that
// become free are used again, never returned.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace headrace::core {

class SecretBytes {
 public:
  SecretBytes() = default;
  // A copy; the caller's stays its own. Aborts the process when there is no memory.
  explicit SecretBytes(std::string_view bytes);
  // `size` bytes of zero, to be filled through data().
  static SecretBytes of_size(std::size_t size);
  SecretBytes(SecretBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SecretBytes();

  SecretBytes clone() const { return SecretBytes(view()); }
  char* data() noexcept { return data_; }
  const char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }
  // Keeps the first `size`, and wipes the rest. Requires: size <= size().
  void shrink(std::size_t size) noexcept;

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Overwrites what is not needed any more, in a way that the compiler does not leave out.
void wipe(void* bytes, std::size_t size) noexcept;

}  // namespace headrace::core
