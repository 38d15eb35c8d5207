// SPDX-License-Identifier: Apache-2.0
#include "engine/key_hasher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "core/encoding.h"
#include "core/random.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kKeyed = "k1:";
constexpr std::size_t kPepperBytes = 32;
constexpr std::size_t kLineBytes = core::hex_size(kPepperBytes) + 1;

core::SecretBytes random_pepper() {
  core::SecretBytes pepper = core::SecretBytes::of_size(kPepperBytes);
  core::secure_random(pepper.data(), pepper.size());
  return pepper;
}

core::HmacKey key_of(const core::SecretBytes* pepper) {
  if (pepper != nullptr) return {core::Hash::kSha256, pepper->view()};
  const core::SecretBytes random = random_pepper();
  return {core::Hash::kSha256, random.view()};
}

Error failed(const std::string& path, const char* what) {
  return {ErrorCode::kStorageFailed, std::string(what) + " " + path + ": " + std::strerror(errno),
          errno};
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

Result<core::SecretBytes> read_pepper(const std::string& path, const File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return failed(path, "cannot read");
  if ((status.st_mode & 077) != 0)
    return Error{ErrorCode::kInvalidArgument, path + " may be read by others: chmod 600 it", 0};
  core::SecretBytes line = core::SecretBytes::of_size(kLineBytes);
  const ssize_t size = ::read(file.fd(), line.data(), line.size());
  if (size < 0) return failed(path, "cannot read");
  core::SecretBytes pepper = core::SecretBytes::of_size(kPepperBytes);
  std::string_view text(line.data(), static_cast<std::size_t>(size));
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto read = core::read_hex(text, std::span(pepper.data(), pepper.size()));
  if (read != kPepperBytes)
    return Error{ErrorCode::kInvalidArgument, path + " does not hold a pepper", 0};
  return pepper;
}

// Whole or not there at all, whenever this process ends; and on the disk before any hash is.
Result<void> write_pepper(const std::string& directory, const std::string& path,
                          const core::SecretBytes& pepper) {
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());  // what was left there has permissions of its own
  const File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0) return failed(draft, "cannot write");
  core::SecretBytes line = core::SecretBytes::of_size(kLineBytes);
  core::write_hex(pepper.view(), line.data());
  line.data()[kLineBytes - 1] = '\n';
  const File parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool written =
      ::write(file.fd(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      ::fsync(file.fd()) == 0 && ::rename(draft.c_str(), path.c_str()) == 0 && parent.fd() >= 0 &&
      ::fsync(parent.fd()) == 0;
  return written ? Result<void>() : failed(path, "cannot write");
}

}  // namespace

KeyHasher::KeyHasher(const core::SecretBytes* pepper) : key_(key_of(pepper)) {}

std::string KeyHasher::hash_of(std::string_view secret) const {
  return std::string(kKeyed) + core::to_hex(key_.sign(secret).view());
}

bool KeyHasher::is_keyed(std::string_view hash) noexcept { return hash.starts_with(kKeyed); }

std::string KeyHasher::plain_hash_of(std::string_view secret) {
  return core::to_hex(core::digest_of(core::Hash::kSha256, secret).view());
}

Result<KeyPepper> load_or_make_key_pepper(const std::string& directory) {
  const std::string path = directory + "/key.pepper";
  if (const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); file.fd() >= 0) {
    auto pepper = read_pepper(path, file);
    if (!pepper) return std::move(pepper).error();
    return KeyPepper{std::move(*pepper), false};
  }
  if (errno != ENOENT) return failed(path, "cannot read");
  KeyPepper made{random_pepper(), true};
  if (auto written = write_pepper(directory, path, made.bytes); !written)
    return std::move(written).error();
  return made;
}

}  // namespace headrace::engine
