// SPDX-License-Identifier: Apache-2.0
#include "engine/master_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

namespace headrace::engine {
namespace {

using core::SealingKey;
using core::SecretBytes;

constexpr std::size_t kFileBytesMax = 256;

std::string key_path(const std::string& directory) { return directory + "/master.key"; }
std::string next_path(const std::string& directory) { return directory + "/master.key.next"; }

Error failed(const std::string& what, const std::string& path) {
  const int reason = errno;
  const auto code = reason == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kStorageFailed;
  return {code, "cannot " + what + " " + path + ": " + std::generic_category().message(reason),
          reason};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

// None: there is no such file.
Result<std::optional<SealingKey>> read_key(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return std::optional<SealingKey>();
  if (!file.is_open()) return failed("open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed("look at", path);
  if ((status.st_mode & 077) != 0) {
    return Error{ErrorCode::kForbidden,
                 path +
                     " can be read by others than its owner: chmod 600 it, and consider a new "
                     "key (headrace rotate-master-key)",
                 0};
  }
  SecretBytes text = SecretBytes::of_size(kFileBytesMax);
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return failed("read", path);
  auto key = SealingKey::from_text(text.view().substr(0, static_cast<std::size_t>(size)));
  if (!key) return Error{ErrorCode::kCorrupted, path + " holds no key of 32 bytes", 0};
  return key;
}

Result<void> sync_directory(const std::string& directory) {
  const Descriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open() || ::fsync(file.get()) != 0) return failed("sync", directory);
  return {};
}

Result<void> rename_file(const std::string& from, const std::string& to,
                         const std::string& directory) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
  return sync_directory(directory);
}

// Under its name it is whole, and survives a power cut.
Result<void> write_key(const SealingKey& key, const std::string& path,
                       const std::string& directory) {
  const std::string draft = path + ".new";
  (void)::unlink(draft.c_str());  // what a crash left; nobody could read it as a key
  {
    const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) return failed("make", draft);
    SecretBytes line = SecretBytes::of_size(key.text().size() + 1);
    key.text().view().copy(line.data(), line.size());
    line.data()[line.size() - 1] = '\n';
    const ssize_t written = ::write(file.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size()) || ::fsync(file.get()) != 0)
      return failed("write", draft);
  }
  return rename_file(draft, path, directory);
}

}  // namespace

MasterKey MasterKey::ephemeral() { return MasterKey(SealingKey::random()); }

Result<MasterKey> MasterKey::given(std::string_view current, std::string_view previous) {
  const auto no_key = [](std::string_view which) {
    return Error{ErrorCode::kInvalidArgument,
                 "the " + std::string(which) +
                     " is not 32 bytes as base64 or hex (openssl rand -base64 32 makes one)",
                 0};
  };
  auto key = SealingKey::from_text(current);
  if (!key) return no_key("master key");
  MasterKey made(std::move(*key));
  made.is_given_ = true;
  if (previous.empty()) return made;
  auto before = SealingKey::from_text(previous);
  if (!before) return no_key("previous master key");
  if (before->id() == made.keys_.current().id()) return made;
  made.keys_.put_last(std::move(*before));
  made.is_rotating_ = true;
  return made;
}

Result<MasterKey> MasterKey::in_directory(const std::string& directory, bool may_make) {
  auto key = read_key(key_path(directory));
  if (!key) return std::move(key).error();
  auto next = read_key(next_path(directory));
  if (!next) return std::move(next).error();
  if (!*key && !*next && !may_make) {
    return Error{ErrorCode::kNotFound,
                 key_path(directory) +
                     " is missing, and without it nothing of what is sealed can be read: put it "
                     "back from a backup",
                 0};
  }
  if (!*key && !*next) {
    *key = SealingKey::random();
    if (auto written = write_key(**key, key_path(directory), directory); !written)
      return std::move(written).error();
  }
  MasterKey made(std::move(*key ? **key : **next));
  made.directory_ = directory;
  if (*key && *next) made.keys_.put_first(std::move(**next));
  made.is_rotating_ = next->has_value();
  return made;
}

Result<void> MasterKey::begin_rotation() {
  if (is_given_) {
    return Error{ErrorCode::kPrecondition,
                 "the master key is given from outside: give the new one as the master key and "
                 "this one as the previous one, at one start",
                 0};
  }
  if (is_rotating_) return {};
  SealingKey next = SealingKey::random();
  if (!directory_.empty()) {
    if (auto written = write_key(next, next_path(directory_), directory_); !written) return written;
  }
  keys_.put_first(std::move(next));
  is_rotating_ = true;
  return {};
}

Result<void> MasterKey::finish_rotation() {
  if (!is_rotating_) return {};
  if (!directory_.empty()) {
    const std::string next = next_path(directory_);
    // Where only the sync failed the last time, it is there already.
    const bool is_done = ::access(next.c_str(), F_OK) != 0 && errno == ENOENT;
    auto renamed =
        is_done ? sync_directory(directory_) : rename_file(next, key_path(directory_), directory_);
    if (!renamed) return renamed;
  }
  keys_.drop_others();
  is_rotating_ = false;
  return {};
}

}  // namespace headrace::engine
