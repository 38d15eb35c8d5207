// SPDX-License-Identifier: Apache-2.0
#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

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

}  // namespace

class FaultyFile final : public store::File {
 public:
  FaultyFile(FaultyFileSystem& files, std::shared_ptr<FaultyFileSystem::Node> node)
      : files_(files), node_(std::move(node)) {}

  Result<void> preallocate(std::uint64_t bytes) override {
    const std::lock_guard lock(files_.mutex_);
    return files_.preallocate(*node_, bytes);
  }
  Result<void> write(std::span<iovec> parts, std::uint64_t offset) override {
    std::string bytes;
    for (const iovec& part : parts) bytes.append(static_cast<char*>(part.iov_base), part.iov_len);
    const std::lock_guard lock(files_.mutex_);
    return files_.write(*node_, offset, std::move(bytes));
  }
  Result<std::size_t> read(char* to, std::size_t size, std::uint64_t offset) const override {
    const std::lock_guard lock(files_.mutex_);
    if (offset >= node_->live.size()) return std::size_t{0};
    return node_->live.copy(to, size, static_cast<std::size_t>(offset));
  }
  Result<void> sync_data() override {
    const std::lock_guard lock(files_.mutex_);
    return files_.sync(*node_);
  }
  Result<void> truncate(std::uint64_t bytes) override {
    const std::lock_guard lock(files_.mutex_);
    return files_.change(*node_, {true, bytes, {}});
  }
  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(files_.mutex_);
    return std::uint64_t{node_->live.size()};
  }

 private:
  FaultyFileSystem& files_;
  const std::shared_ptr<FaultyFileSystem::Node> node_;
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

Result<void> FaultyFileSystem::change(Node& node, Change change) {
  const std::uint64_t before = node.live.size();
  const std::uint64_t after =
      change.resize ? change.offset
                    : std::max<std::uint64_t>(before, change.offset + change.bytes.size());
  if (after > before && after - before > room_) return error_of(ENOSPC);
  room_ = room_ == ~std::uint64_t{0} ? room_ : room_ + before - after;
  perform(node.live, change);
  node.unsynced.push_back(std::move(change));
  return {};
}

Result<void> FaultyFileSystem::preallocate(Node& node, std::uint64_t bytes) {
  if (const int number = strike(Operation::kPreallocate)) return error_of(number);
  return change(node, {true, bytes, {}});
}

Result<void> FaultyFileSystem::write(Node& node, std::uint64_t offset, std::string bytes) {
  const int number = strike(Operation::kWrite);
  if (number == 0) return change(node, {false, offset, std::move(bytes)});
  bytes.resize(static_cast<std::size_t>(random_.below(bytes.size() + 1)));
  (void)change(node, {false, offset, std::move(bytes)});
  return error_of(number);
}

Result<void> FaultyFileSystem::sync(Node& node) {
  ++syncs_;
  if (const int number = strike(Operation::kSync)) {
    node.unsynced.clear();
    return error_of(number);
  }
  for (const Change& change : node.unsynced) perform(node.durable, change);
  node.unsynced.clear();
  return {};
}

int FaultyFileSystem::strike(Operation operation) {
  Fault& fault = faults_[operation];
  if (fault.calls_left == 0 || --fault.calls_left != 0) return 0;
  ++failures_;
  return fault.error_number;
}

Result<std::unique_ptr<store::File>> FaultyFileSystem::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(path);
  if (mode != Mode::kCreate) {
    if (found == live_.end()) return error_of(ENOENT);
    return std::unique_ptr<store::File>(std::make_unique<FaultyFile>(*this, found->second));
  }
  if (found != live_.end()) return error_of(EEXIST);
  if (const int number = strike(Operation::kCreate)) return error_of(number);
  auto node = std::make_shared<Node>();
  live_[path] = node;
  return std::unique_ptr<store::File>(std::make_unique<FaultyFile>(*this, std::move(node)));
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (live_.erase(path) == 0) return error_of(ENOENT);
  return {};
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(from);
  if (found == live_.end()) return error_of(ENOENT);
  live_[to] = found->second;
  live_.erase(found);
  return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [path, node] : live_) {
    const std::size_t slash = path.rfind('/');
    if (path.substr(0, slash) == directory) names.push_back(path.substr(slash + 1));
  }
  return names;
}

Result<void> FaultyFileSystem::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  directories_.insert(path);
  return {};
}

Result<void> FaultyFileSystem::sync_directory(const std::string&) {
  const std::lock_guard lock(mutex_);
  if (const int number = strike(Operation::kSyncDirectory)) return error_of(number);
  durable_ = live_;
  return {};
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
  const std::lock_guard lock(mutex_);
  return room_;
}

void FaultyFileSystem::cut_power(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  core::Random random(seed);
  Nodes entries = durable_;
  for (const auto& [path, node] : live_) {
    if (!durable_.contains(path) && random.below(2) == 0) entries[path] = node;
  }
  for (const auto& [path, node] : durable_) {
    if (!live_.contains(path) && random.below(2) == 0) entries.erase(path);
  }
  Nodes after;
  for (const auto& [path, node] : entries) {
    auto survivor = std::make_shared<Node>();
    survivor->durable = node->durable;
    for (Change change : node->unsynced) {
      const std::uint64_t fate = random.below(3);  // kept, lost or torn
      if (fate == 1) continue;
      if (fate == 2)
        change.bytes.resize(static_cast<std::size_t>(random.below(change.bytes.size() + 1)));
      perform(survivor->durable, change);
    }
    survivor->live = survivor->durable;
    after[path] = std::move(survivor);
  }
  live_ = after;
  durable_ = std::move(after);
  faults_.clear();
}

void FaultyFileSystem::fail(Operation operation, std::uint32_t nth, int error_number) {
  const std::lock_guard lock(mutex_);
  faults_[operation] = {nth, error_number};
}

void FaultyFileSystem::heal() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

void FaultyFileSystem::set_room(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
}

std::uint64_t FaultyFileSystem::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
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

std::vector<std::string> FaultyFileSystem::paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : live_) paths.push_back(path);
  return paths;
}

std::unique_ptr<FaultyFileSystem> FaultyFileSystem::clone() const {
  const std::lock_guard lock(mutex_);
  auto copy = std::make_unique<FaultyFileSystem>();
  for (const auto& [path, node] : live_) {
    auto twin = std::make_shared<Node>();
    twin->live = twin->durable = node->live;
    copy->live_[path] = std::move(twin);
  }
  copy->durable_ = copy->live_;
  copy->directories_ = directories_;
  return copy;
}

}  // namespace headrace::testing
