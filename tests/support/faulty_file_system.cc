// SPDX-License-Identifier: Apache-2.0
#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tests/support/power_cut.h"

namespace headrace::testing {

namespace {

Error error_of(int number) {
  ErrorCode code = ErrorCode::kStorageFailed;
  if (number == ENOSPC) code = ErrorCode::kStorageFull;
  if (number == EMFILE) code = ErrorCode::kUnavailable;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == EEXIST) code = ErrorCode::kConflict;
  return Error{code, std::string("simulated: ") + std::strerror(number), number};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// RocksDB names directories with and without a slash at the end.
std::string without_slash(const std::string& directory) {
  const std::size_t last = directory.find_last_not_of('/');
  return last == std::string::npos ? "/" : directory.substr(0, last + 1);
}

}  // namespace

class FaultyFile final : public store::File {
 public:
  FaultyFile(FaultyFileSystem& files, std::shared_ptr<FaultyFileSystem::Node> node)
      : files_(files), node_(std::move(node)), life_(files.life_) {}

  Result<void> preallocate(std::uint64_t bytes) override {
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    if (const int number = files_.strike(FaultyFileSystem::Operation::kPreallocate, node_->path)) {
      return error_of(number);
    }
    return files_.resize(*node_, bytes);
  }
  Result<void> write(std::span<iovec> parts, std::uint64_t offset) override {
    std::string bytes;
    for (const iovec& part : parts) bytes.append(static_cast<char*>(part.iov_base), part.iov_len);
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    return files_.write(*node_, offset, std::move(bytes));
  }
  Result<std::size_t> read(char* to, std::size_t size, std::uint64_t offset) const override {
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    if (offset >= node_->live.size()) return std::size_t{0};
    return node_->live.copy(to, size, static_cast<std::size_t>(offset));
  }
  Result<void> sync_data() override {
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    return files_.sync(*node_);
  }
  Result<void> truncate(std::uint64_t bytes) override {
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    return files_.resize(*node_, bytes);
  }
  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(files_.mutex_);
    if (is_gone()) return error_of(EIO);
    return std::uint64_t{node_->live.size()};
  }

 private:
  bool is_gone() const { return !files_.on_ || life_ != files_.life_; }

  FaultyFileSystem& files_;
  const std::shared_ptr<FaultyFileSystem::Node> node_;
  const std::uint64_t life_;
};

void FaultyFileSystem::perform(std::string& content, const Change& change) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.resize) {
    content.resize(offset, '\0');
    return;
  }
  content.resize(std::max(content.size(), offset + change.bytes.size()), '\0');
  content.replace(offset, change.bytes.size(), change.bytes);
}

void FaultyFileSystem::perform(Nodes& entries, const EntryChange& change) {
  if (!change.from.empty()) entries.erase(change.from);
  if (change.node) {
    entries[change.path] = change.node;
  } else {
    entries.erase(change.path);
  }
}

int FaultyFileSystem::begin(Operation operation, const std::string& path) {
  if (!on_) return EIO;
  if (read_only_) return EROFS;
  return strike(operation, path);
}

int FaultyFileSystem::strike(Operation operation, const std::string& path) {
  Fault& fault = faults_[operation];
  if (fault.calls_left == 0 || !path.starts_with(fault.under)) return 0;
  if (--fault.calls_left != 0) return 0;
  ++failures_;
  return fault.error_number;
}

// To be asked where the change is under way: it is among those that are kept, lost or torn.
bool FaultyFileSystem::power_goes_now() {
  ++changes_;
  if (changes_left_ == 0 || --changes_left_ != 0) return false;
  lose_power(power_seed_);
  return true;
}

void FaultyFileSystem::enter(EntryChange change) {
  perform(live_, change);
  unsynced_entries_.push_back(std::move(change));
}

Result<void> FaultyFileSystem::take_room(const Node& node, std::uint64_t after) {
  const std::uint64_t before = node.live.size();
  const auto concerns = [&](const std::string& under, std::uint64_t room) {
    return room != kNoLimit && node.path.starts_with(under);
  };
  for (const auto& [under, room] : rooms_) {
    if (concerns(under, room) && after > before && after - before > room) return error_of(ENOSPC);
  }
  for (auto& [under, room] : rooms_) {
    if (concerns(under, room)) room += before - after;
  }
  return {};
}

Result<void> FaultyFileSystem::change(Node& node, Change change) {
  const std::uint64_t end = change.offset + change.bytes.size();
  const std::uint64_t after =
      change.resize ? change.offset : std::max<std::uint64_t>(node.live.size(), end);
  if (auto room = take_room(node, after); !room) return room;
  perform(node.live, change);
  node.unsynced.push_back(std::move(change));
  if (power_goes_now()) return error_of(EIO);
  return {};
}

Result<void> FaultyFileSystem::resize(Node& node, std::uint64_t bytes) {
  if (read_only_) return error_of(EROFS);
  return change(node, {true, bytes, {}});
}

Result<void> FaultyFileSystem::write(Node& node, std::uint64_t offset, std::string bytes) {
  const int number = begin(Operation::kWrite, node.path);
  if (number == 0) return change(node, {false, offset, std::move(bytes)});
  if (read_only_) return error_of(number);
  bytes.resize(static_cast<std::size_t>(random_.below(bytes.size() + 1)));
  (void)change(node, {false, offset, std::move(bytes)});
  return error_of(number);
}

Result<void> FaultyFileSystem::sync(Node& node) {
  ++syncs_[node.path];
  if (power_goes_now()) return error_of(EIO);
  if (const int number = strike(Operation::kSync, node.path)) {
    node.unsynced.clear();
    return error_of(number);
  }
  if (ignore_syncs_) return {};
  for (const Change& change : node.unsynced) perform(node.durable, change);
  node.unsynced.clear();
  return {};
}

Result<std::unique_ptr<store::File>> FaultyFileSystem::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(mutex_);
  if (!on_) return error_of(EIO);
  const auto found = live_.find(path);
  if (mode != Mode::kCreate) {
    if (found == live_.end()) return error_of(ENOENT);
    if (mode == Mode::kChange && read_only_) return error_of(EROFS);
    return std::unique_ptr<store::File>(std::make_unique<FaultyFile>(*this, found->second));
  }
  if (found != live_.end()) return error_of(EEXIST);
  if (const int number = begin(Operation::kCreate, path)) return error_of(number);
  auto node = std::make_shared<Node>();
  node->path = path;
  enter({path, node, {}});
  auto file = std::make_unique<FaultyFile>(*this, std::move(node));
  if (power_goes_now()) return error_of(EIO);
  return std::unique_ptr<store::File>(std::move(file));
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const int number = begin(Operation::kRemove, path)) return error_of(number);
  if (!live_.contains(path)) return error_of(ENOENT);
  enter({path, nullptr, {}});
  if (power_goes_now()) return error_of(EIO);
  return {};
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (const int number = begin(Operation::kRename, from)) return error_of(number);
  const auto found = live_.find(from);
  if (found == live_.end()) return error_of(ENOENT);
  enter({to, found->second, from});
  if (power_goes_now()) return error_of(EIO);
  return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (!on_) return error_of(EIO);
  std::vector<std::string> names;
  for (const auto& [path, node] : live_) {
    if (parent_of(path) == without_slash(directory))
      names.push_back(path.substr(path.rfind('/') + 1));
  }
  return names;
}

Result<void> FaultyFileSystem::make_directory(const std::string& directory) {
  const std::string path = without_slash(directory);
  const std::lock_guard lock(mutex_);
  if (!on_) return error_of(EIO);
  if (live_.contains(path)) return {};
  if (read_only_) return error_of(EROFS);
  auto node = std::make_shared<Node>();
  node->path = path;
  node->directory = true;
  enter({path, std::move(node), {}});
  if (power_goes_now()) return error_of(EIO);
  return {};
}

Result<void> FaultyFileSystem::sync_directory(const std::string& directory) {
  const std::string path = without_slash(directory);
  const std::lock_guard lock(mutex_);
  if (!on_) return error_of(EIO);
  if (power_goes_now()) return error_of(EIO);
  if (const int number = strike(Operation::kSyncDirectory, path)) return error_of(number);
  if (ignore_syncs_) return {};
  std::erase_if(unsynced_entries_, [&](const EntryChange& change) {
    if (parent_of(change.path) != path) return false;
    perform(durable_, change);
    return true;
  });
  return {};
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::uint64_t least = kNoLimit;
  for (const auto& [under, room] : rooms_) {
    if (directory.starts_with(under)) least = std::min(least, room);
  }
  return least;
}

bool FaultyFileSystem::is_directory(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(without_slash(path));
  return found != live_.end() && found->second->directory;
}

void FaultyFileSystem::lose_power(std::uint64_t seed) {
  live_ = PowerCut(seed).survivors(*this);
  durable_ = live_;
  unsynced_entries_.clear();
  faults_.clear();
  changes_left_ = 0;
  on_ = false;
  ++life_;
}

void FaultyFileSystem::power_off(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  if (on_) lose_power(seed);
}

void FaultyFileSystem::power_on() {
  const std::lock_guard lock(mutex_);
  on_ = true;
  changes_left_ = 0;
}

void FaultyFileSystem::cut_power(std::uint64_t seed) {
  power_off(seed);
  power_on();
}

void FaultyFileSystem::power_off_at(std::uint64_t nth, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  changes_left_ = nth;
  power_seed_ = seed;
}

void FaultyFileSystem::heal() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

bool FaultyFileSystem::is_on() const {
  const std::lock_guard lock(mutex_);
  return on_;
}

std::uint64_t FaultyFileSystem::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void FaultyFileSystem::fail(Operation operation, std::uint32_t nth, int error_number,
                            std::string under) {
  const std::lock_guard lock(mutex_);
  faults_[operation] = {nth, error_number, std::move(under)};
}

void FaultyFileSystem::set_room(std::uint64_t bytes, std::string under) {
  const std::lock_guard lock(mutex_);
  rooms_[std::move(under)] = bytes;
}

void FaultyFileSystem::set_read_only(bool read_only) {
  const std::lock_guard lock(mutex_);
  read_only_ = read_only;
}

void FaultyFileSystem::keep_order(std::string under) {
  const std::lock_guard lock(mutex_);
  ordered_ = std::move(under);
}

void FaultyFileSystem::ignore_syncs(bool ignore) {
  const std::lock_guard lock(mutex_);
  ignore_syncs_ = ignore;
}

std::uint64_t FaultyFileSystem::syncs(std::string_view under) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [path, count] : syncs_) sum += path.starts_with(under) ? count : 0;
  return sum;
}

std::uint64_t FaultyFileSystem::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::string FaultyFileSystem::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(path);
  return found == live_.end() ? std::string() : found->second->live;
}

void FaultyFileSystem::overwrite(const std::string& path, std::uint64_t offset,
                                 const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  Node& node = *live_.at(path);
  const Change change{false, offset, bytes};
  perform(node.live, change);
  perform(node.durable, change);
}

void FaultyFileSystem::flip_bit(const std::string& path, std::uint64_t bit) {
  char byte = content(path).at(static_cast<std::size_t>(bit / 8));
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
  overwrite(path, bit / 8, std::string(1, byte));
}

std::vector<std::string> FaultyFileSystem::paths(std::string_view under) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : live_) {
    if (!node->directory && path.starts_with(under)) paths.push_back(path);
  }
  return paths;
}

std::unique_ptr<FaultyFileSystem> FaultyFileSystem::clone() const {
  const std::lock_guard lock(mutex_);
  auto copy = std::make_unique<FaultyFileSystem>();
  for (const auto& [path, node] : live_) {
    auto twin = std::make_shared<Node>(*node);
    twin->durable = twin->live;
    twin->unsynced.clear();
    copy->live_[path] = std::move(twin);
  }
  copy->durable_ = copy->live_;
  copy->ordered_ = ordered_;
  return copy;
}

}  // namespace headrace::testing
