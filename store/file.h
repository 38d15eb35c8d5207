// SPDX-License-Identifier: Apache-2.0
// The few file operations that the message log needs, so that tests can lose, fail or tear writes.
//
// Threads: a File's read() from any thread; everything else of it from one thread. A FileSystem:
// any thread. Errors: kStorageFull when the disk has no room, kNotFound, kConflict (exists
// already), else kStorageFailed; `detail` is errno.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "headrace/result.h"

namespace headrace::store {

class File {
 public:
  virtual ~File() = default;

  // Reserves room for `bytes` from the beginning and makes the file that long; what is new reads as
  // zero.
  virtual Result<void> preallocate(std::uint64_t bytes) = 0;
  // From now on whole blocks from block-aligned memory are written past the kernel's page cache,
  // where that is possible.
  virtual void bypass_cache() noexcept {}
  // Writes all of `parts`, one after the other, at `offset`. Uses `parts` up as it goes. After a
  // failure any part of it may have been written.
  virtual Result<void> write(std::span<iovec> parts, std::uint64_t offset) = 0;
  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::size_t> read(char* to, std::size_t size, std::uint64_t offset) const = 0;
  // Success: everything written so far survives a power cut. After a failure nothing is known about
  // any of it, and a later success does not change that.
  virtual Result<void> sync_data() = 0;
  virtual Result<void> truncate(std::uint64_t bytes) = 0;
  virtual Result<std::uint64_t> size() const = 0;
};

class FileSystem {
 public:
  enum class Mode : std::uint8_t {
    kRead,    // must exist
    kChange,  // must exist
    kCreate,  // must not exist
  };

  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  // The names (not paths) in a directory, in no order.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Makes a directory; success when it exists already. Its parent must exist.
  virtual Result<void> make_directory(const std::string& path) = 0;
  // Makes creations, removals and renames in a directory survive a power cut.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& directory) = 0;
};

// The system's own.
FileSystem& posix_file_system() noexcept;

}  // namespace headrace::store
