// SPDX-License-Identifier: Apache-2.0
#include "core/secret_bytes.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstring>
#include <mutex>

#include "core/check.h"

namespace headrace::core {
namespace {

// Pieces of 2^n bytes, from 64 bytes, cut from chunks; larger ones have pages of their own.
constexpr std::size_t kPieceBytesMin = 64;
constexpr std::size_t kPieceClasses = 7;  // up to 4 KiB
constexpr std::size_t kChunkBytes = 64 * 1024;

char* map_pages(std::size_t size) {
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HEADRACE_CHECK(pages != MAP_FAILED);
  // Advice that an old kernel may not take; the bytes are wiped anyway.
  (void)madvise(pages, size, MADV_DONTDUMP);
  return static_cast<char*>(pages);
}

constexpr std::size_t piece_bytes(std::size_t piece_class) { return kPieceBytesMin << piece_class; }

std::size_t class_of(std::size_t size) {
  return size <= kPieceBytesMin
             ? 0
             : static_cast<std::size_t>(std::bit_width((size - 1) / kPieceBytesMin));
}

// Shared by the whole process, as pages are: what an owner has is found by nobody else.
class Pages {
 public:
  char* take(std::size_t size) {
    const std::size_t piece_class = class_of(size);
    if (piece_class >= kPieceClasses) return map_pages(size);
    // Secrets come and go with definitions, not with events.
    const std::lock_guard lock(mutex_);
    Piece*& free = free_[piece_class];
    if (free == nullptr) cut(piece_class);
    Piece* piece = free;
    free = piece->next;
    std::memset(piece, 0, sizeof(Piece));
    return reinterpret_cast<char*>(piece);
  }

  // Requires: wiped.
  void give_back(char* data, std::size_t size) noexcept {
    const std::size_t piece_class = class_of(size);
    if (piece_class >= kPieceClasses) {
      munmap(data, size);
      return;
    }
    const std::lock_guard lock(mutex_);
    free_[piece_class] = new (data) Piece{free_[piece_class]};
  }

 private:
  struct Piece {
    Piece* next;
  };

  void cut(std::size_t piece_class) {
    const std::size_t size = piece_bytes(piece_class);
    char* chunk = map_pages(kChunkBytes);
    for (std::size_t at = 0; at + size <= kChunkBytes; at += size)
      free_[piece_class] = new (chunk + at) Piece{free_[piece_class]};
  }

  std::mutex mutex_;
  std::array<Piece*, kPieceClasses> free_{};
};

// Never destroyed: an owner may outlive everything else that is static.
Pages& pages() {
  static Pages& shared = *new Pages;
  return shared;
}

}  // namespace

SecretBytes SecretBytes::of_size(std::size_t size) {
  SecretBytes made;
  if (size == 0) return made;
  made.data_ = pages().take(size);
  made.size_ = size;
  return made;
}

SecretBytes::SecretBytes(std::string_view bytes) : SecretBytes(of_size(bytes.size())) {
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
}

SecretBytes::~SecretBytes() {
  if (data_ == nullptr) return;
  wipe(data_, size_);
  pages().give_back(data_, size_);
}

void SecretBytes::shrink(std::size_t size) noexcept {
  HEADRACE_CHECK(size <= size_);
  // The class of a piece is told by its size, so a smaller one moves.
  *this = SecretBytes(view().substr(0, size));
}

void wipe(void* bytes, std::size_t size) noexcept { OPENSSL_cleanse(bytes, size); }

}  // namespace headrace::core
