// SPDX-License-Identifier: Apache-2.0
#include "api/admin_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/random.h"
#include "headrace/id.h"

namespace headrace::api {
namespace {

constexpr std::string_view kPrefix = "hrk_";  // so that a leaked key is recognised for what it is
constexpr std::size_t kKeyBytes = kPrefix.size() + 2 * kIdDigits;

Error failed(const std::string& path, const char* what) {
  return Error{ErrorCode::kStorageFailed,
               std::string(what) + " " + path + ": " + std::strerror(errno), errno};
}

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const noexcept { return fd_; }

 private:
  const int fd_;
};

std::string new_key() {
  Bits128 secret[2];
  core::secure_random(secret, sizeof(secret));
  std::string key(kKeyBytes, '\0');
  kPrefix.copy(key.data(), kPrefix.size());
  format_base62(secret[0], key.data() + kPrefix.size());
  format_base62(secret[1], key.data() + kPrefix.size() + kIdDigits);
  return key;
}

Result<std::string> read_key(const std::string& path, const File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return failed(path, "cannot read");
  if ((status.st_mode & 077) != 0) {
    return Error{ErrorCode::kInvalidArgument, path + " may be read by others: chmod 600 it", 0};
  }
  char text[256];
  const ssize_t size = ::read(file.fd(), text, sizeof(text));
  if (size < 0) return failed(path, "cannot read");
  std::string key(text, static_cast<std::size_t>(size));
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  if (key.size() < kKeyBytes)
    return Error{ErrorCode::kInvalidArgument, path + " does not hold a key", 0};
  return key;
}

}  // namespace

Result<std::string> load_or_make_admin_key(const std::string& path) {
  if (const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); file.fd() >= 0)
    return read_key(path, file);
  if (errno != ENOENT) return failed(path, "cannot read");
  // Whole or not there at all, whenever this process ends.
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());  // what was left there has permissions of its own
  const File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0) return failed(draft, "cannot write");
  const std::string key = new_key();
  const std::string line = key + "\n";
  const bool written =
      ::write(file.fd(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      ::fsync(file.fd()) == 0 && ::rename(draft.c_str(), path.c_str()) == 0;
  if (!written) return failed(draft, "cannot write");
  return key;
}

}  // namespace headrace::api
