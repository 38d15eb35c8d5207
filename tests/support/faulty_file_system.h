// SPDX-License-Identifier: Apache-2.0
// Files in memory that forget: what was not synced may be kept, lost or torn by a power cut, and
// any call can fail.
//
// The model: a file's content is what was synced plus the operations since; a directory's entries
// are what was synced plus the creations, removals and renames since. A power cut keeps, loses or
// tears each of them by seed. Threads: any; one mutex.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "store/file.h"

namespace headrace::testing {

class FaultyFileSystem final : public store::FileSystem {
 public:
  enum class Operation : std::uint8_t { kPreallocate, kWrite, kSync, kCreate, kSyncDirectory };

  FaultyFileSystem() = default;

  Result<std::unique_ptr<store::File>> open(const std::string& path, Mode mode) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;

  // The power goes and comes back. Files that are open refer to nothing any more.
  void cut_power(std::uint64_t seed);

  // The `nth` call of that kind from now on (1: the next) fails once with `error_number`. A failed
  // write leaves a part of itself; a failed sync loses for good what it should have kept.
  void fail(Operation operation, std::uint32_t nth, int error_number);
  void heal();  // what was to fail does not
  // How much more the files may grow.
  void set_room(std::uint64_t bytes);
  std::uint64_t syncs() const;
  std::uint64_t failures() const;  // of calls that were to fail

  // The bytes of a file as a reader sees them, and a way to damage them where they are.
  std::string content(const std::string& path) const;
  void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes);
  std::vector<std::string> paths() const;
  // An independent copy of all that is there, synced.
  std::unique_ptr<FaultyFileSystem> clone() const;

 private:
  friend class FaultyFile;
  struct Change {
    bool resize = false;
    std::uint64_t offset = 0;  // of a resize: the new size
    std::string bytes;
  };
  struct Node {
    std::string live;
    std::string durable;
    std::vector<Change> unsynced;
  };
  using Nodes = std::map<std::string, std::shared_ptr<Node>>;
  struct Fault {
    std::uint32_t calls_left = 0;
    int error_number = 0;
  };

  static void perform(std::string& content, const Change& change);
  Result<void> change(Node& node, Change change);
  Result<void> write(Node& node, std::uint64_t offset, std::string bytes);
  Result<void> preallocate(Node& node, std::uint64_t bytes);
  Result<void> sync(Node& node);
  int strike(Operation operation);  // the error number, or 0

  mutable std::mutex mutex_;
  Nodes live_;
  Nodes durable_;
  std::set<std::string> directories_;
  std::map<Operation, Fault> faults_;
  std::uint64_t room_ = ~std::uint64_t{0};
  std::uint64_t syncs_ = 0;
  std::uint64_t failures_ = 0;
  core::Random random_{1};
};

}  // namespace headrace::testing
