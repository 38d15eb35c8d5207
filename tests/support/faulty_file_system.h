// SPDX-License-Identifier: Apache-2.0
// A disk in memory that forgets: what was not synced may be kept, lost or torn by a power cut, and
// any call can fail.
//
// The model: a file's content is what was synced plus the changes since; a directory's entries are
// what was synced plus the creations, removals and renames since. A power cut leaves each block of
// 4 KiB at any of the states that it had since its last sync, or torn between two of them, whatever
// became of its neighbours; it keeps or loses each change of a directory on its own, save where
// keep_order() says otherwise.
// Threads: any; one mutex, so that whoever shares the disk loses power at the same instant.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "store/file.h"

namespace headrace::testing {

class FaultyFileSystem final : public store::FileSystem {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  enum class Operation : std::uint8_t {
    kPreallocate,
    kWrite,
    kSync,
    kCreate,
    kRemove,
    kRename,
    kSyncDirectory,
  };

  FaultyFileSystem() = default;

  Result<std::unique_ptr<store::File>> open(const std::string& path, Mode mode) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  // Files and directories.
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;
  bool is_directory(const std::string& path) const;

  // The power goes: what was not synced is kept, lost or torn by `seed`, and every call fails until
  // power_on(). Files that are open then refer to nothing any more.
  void power_off(std::uint64_t seed);
  void power_on();
  void cut_power(std::uint64_t seed);
  // The same in the middle of the `nth` call from now on that would change the disk; 0: it does
  // not.
  void power_off_at(std::uint64_t nth, std::uint64_t seed);
  bool is_on() const;
  // How many calls have changed the disk so far.
  std::uint64_t changes() const;

  // The `nth` call of that kind on a path that begins with `under`, from now on (1: the next),
  // fails once with `error_number`; 0: none. A failed write leaves a part of itself; a failed sync
  // loses for good what it should have kept.
  void fail(Operation operation, std::uint32_t nth, int error_number, std::string under = {});
  // How much more the files may grow whose path begins with `under`.
  void set_room(std::uint64_t bytes, std::string under = {});
  // Nothing can be changed any more, as on a disk that was mounted anew after an error.
  void set_read_only(bool read_only);
  // What changes in directories below `under` is kept or lost in the order in which it was done, as
  // file systems with a journal have it, and as RocksDB relies on.
  void keep_order(std::string under);
  // Whether syncs say that they succeeded and keep nothing, as on a disk that lies.
  void ignore_syncs(bool ignore);
  std::uint64_t syncs(std::string_view under = {}) const;
  void heal();                     // what was to fail does not
  std::uint64_t failures() const;  // of calls that were to fail

  // The bytes of a file as a reader sees them, and ways to damage them where they are.
  std::string content(const std::string& path) const;
  void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes);
  void flip_bit(const std::string& path, std::uint64_t bit);
  // Of the files whose path begins with `under`.
  std::vector<std::string> paths(std::string_view under = {}) const;
  // An independent copy of all that is there, synced.
  std::unique_ptr<FaultyFileSystem> clone() const;

 private:
  friend class FaultyFile;
  friend class PowerCut;
  struct Change {
    bool resize = false;
    std::uint64_t offset = 0;  // of a resize: the new size
    std::string bytes;
  };
  struct Node {
    std::string path;  // under which it was made
    bool directory = false;
    std::string live;
    std::string durable;
    std::vector<Change> unsynced;
  };
  using Nodes = std::map<std::string, std::shared_ptr<Node>>;
  struct EntryChange {
    std::string path;
    std::shared_ptr<Node> node;  // null: removed
    std::string from;            // of a rename: where it was
  };
  struct Fault {
    std::uint32_t calls_left = 0;
    int error_number = 0;
    std::string under;
  };

  static void perform(std::string& content, const Change& change);
  static void perform(Nodes& entries, const EntryChange& change);
  // What every call that changes something begins with: the error number, or 0.
  int begin(Operation operation, const std::string& path);
  int strike(Operation operation, const std::string& path);
  bool power_goes_now();
  void lose_power(std::uint64_t seed);
  void enter(EntryChange change);
  Result<void> change(Node& node, Change change);
  Result<void> take_room(const Node& node, std::uint64_t after);
  Result<void> write(Node& node, std::uint64_t offset, std::string bytes);
  Result<void> resize(Node& node, std::uint64_t bytes);
  Result<void> sync(Node& node);

  mutable std::mutex mutex_;
  Nodes live_;
  Nodes durable_;
  std::vector<EntryChange> unsynced_entries_;
  std::map<Operation, Fault> faults_;
  std::map<std::string, std::uint64_t> rooms_;
  std::string ordered_ = "none";  // of the directories, those whose changes are kept in order
  std::map<std::string, std::uint64_t> syncs_;
  std::uint64_t changes_ = 0;
  std::uint64_t changes_left_ = 0;  // before the power goes; 0: it stays
  std::uint64_t power_seed_ = 0;
  std::uint64_t life_ = 1;  // files of an earlier one are closed
  std::uint64_t failures_ = 0;
  bool on_ = true;
  bool read_only_ = false;
  bool ignore_syncs_ = false;
  core::Random random_{1};
};

}  // namespace headrace::testing
