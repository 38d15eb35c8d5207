// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // O_DIRECT
#endif
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "store/file.h"

namespace headrace::store {

namespace {

Error failed(const char* operation, const std::string& path) {
  const int code = errno;
  ErrorCode kind = ErrorCode::kStorageFailed;
  if (code == ENOSPC || code == EDQUOT) kind = ErrorCode::kStorageFull;
  if (code == EMFILE || code == ENFILE || code == ENOMEM) kind = ErrorCode::kUnavailable;
  if (code == ENOENT) kind = ErrorCode::kNotFound;
  if (code == EEXIST) kind = ErrorCode::kConflict;
  return Error{kind, std::string(operation) + " " + path + ": " + std::strerror(code), code};
}

// Drops `bytes` from the front of what is still to be written.
std::span<iovec> skip(std::span<iovec> parts, std::size_t bytes) noexcept {
  while (!parts.empty() && bytes >= parts.front().iov_len) {
    bytes -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + bytes;
    parts.front().iov_len -= bytes;
  }
  return parts;
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(fd_); }

  Result<void> preallocate(std::uint64_t bytes) override {
    if (::fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) == 0) return {};
    // Some file systems cannot reserve; a full disk then shows when it is written to.
    if (errno != EOPNOTSUPP) return failed("allocate", path_);
    return truncate(bytes);
  }

  void bypass_cache() noexcept override { direct_ = ::fcntl(fd_, F_SETFL, O_DIRECT) == 0; }

  Result<void> write(std::span<iovec> parts, std::uint64_t offset) override {
    parts = skip(parts, 0);
    while (!parts.empty()) {
      const int count = static_cast<int>(std::min<std::size_t>(parts.size(), IOV_MAX));
      const ssize_t written = ::pwritev(fd_, parts.data(), count, static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL && direct_ && use_cache()) continue;
      if (written < 0) return failed("write", path_);
      offset += static_cast<std::uint64_t>(written);
      parts = skip(parts, static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<std::size_t> read(char* to, std::size_t size, std::uint64_t offset) const override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(fd_, to + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> sync_data() override {
    if (::fdatasync(fd_) == 0) return {};
    return failed("sync", path_);
  }

  Result<void> truncate(std::uint64_t bytes) override {
    if (::ftruncate(fd_, static_cast<off_t>(bytes)) == 0) return {};
    return failed("truncate", path_);
  }

  Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return failed("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  // Not every file system that takes the flag takes the writes, nor what a short write left over.
  bool use_cache() noexcept {
    direct_ = false;
    return ::fcntl(fd_, F_SETFL, 0) == 0;
  }

  const int fd_;
  const std::string path_;
  bool direct_ = false;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
    int flags = O_CLOEXEC | (mode == Mode::kRead ? O_RDONLY : O_RDWR);
    if (mode == Mode::kCreate) flags |= O_CREAT | O_EXCL;
    const int fd = ::open(path.c_str(), flags, 0600);
    if (fd < 0) return failed("open", path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return {};
    return failed("remove", path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    return failed("rename", from);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) return failed("list", directory);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(stream);
    return names;
  }

  Result<void> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return failed("make directory", path);
  }

  Result<void> sync_directory(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed("open", path);
    Result<void> result;
    if (::fsync(fd) != 0) result = failed("sync", path);
    ::close(fd);
    return result;
  }

  Result<std::uint64_t> free_bytes(const std::string& directory) override {
    struct statvfs status {};
    if (::statvfs(directory.c_str(), &status) != 0) return failed("measure", directory);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }
};

}  // namespace

FileSystem& posix_file_system() noexcept {
  static PosixFileSystem files;
  return files;
}

}  // namespace headrace::store
