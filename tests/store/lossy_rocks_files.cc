// SPDX-License-Identifier: Apache-2.0
#include "tests/store/lossy_rocks_files.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace headrace::testing {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Mode = store::FileSystem::Mode;

IOStatus status_of(const Result<void>& done) {
  if (done) return IOStatus::OK();
  if (done.error().code == ErrorCode::kNotFound) return IOStatus::PathNotFound(done.error().what);
  if (done.error().code != ErrorCode::kStorageFull) return IOStatus::IOError(done.error().what);
  IOStatus full = IOStatus::NoSpace(done.error().what);  // as RocksDB's own files say it
  full.SetRetryable(true);
  return full;
}

template <class T>
IOStatus status_of(const Result<T>& done) {
  return done ? IOStatus::OK() : status_of(Result<void>(done.error()));
}

IOStatus read(const store::File& file, std::uint64_t offset, std::size_t bytes, Slice* result,
              char* scratch) {
  const auto got = file.read(scratch, bytes, offset);
  *result = Slice(scratch, got ? *got : 0);
  return status_of(got);
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<store::File> file) : file_(std::move(file)) {}
  IOStatus Read(std::size_t bytes, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    const IOStatus status = read(*file_, offset_, bytes, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(std::uint64_t bytes) override {
    offset_ += bytes;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<store::File> file_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<store::File> file) : file_(std::move(file)) {}
  IOStatus Read(std::uint64_t offset, std::size_t bytes, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    return read(*file_, offset, bytes, result, scratch);
  }

 private:
  const std::unique_ptr<store::File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<store::File> file, std::uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}
  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    const auto written = file_->write({&part, 1}, bytes_);
    if (written) bytes_ += bytes.size();
    return status_of(written);
  }
  IOStatus Truncate(std::uint64_t bytes, const IOOptions&, IODebugContext*) override {
    const auto cut = file_->truncate(bytes);
    if (cut) bytes_ = bytes;
    return status_of(cut);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return status_of(file_->sync_data());
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return bytes_; }

 private:
  const std::unique_ptr<store::File> file_;
  std::uint64_t bytes_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(FaultyFileSystem& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return status_of(disk_.sync_directory(path_));
  }

 private:
  FaultyFileSystem& disk_;
  const std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::string of) : path(std::move(of)) {}
  const std::string path;
};

class Files final : public rocksdb::FileSystem {
 public:
  explicit Files(FaultyFileSystem& disk) : disk_(disk) {}
  const char* Name() const override { return "LossyRocksFiles"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    return open<SequentialFile>(path, file);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext*) override {
    return open<RandomAccessFile>(path, file);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    if (const auto gone = disk_.remove(path); !gone && gone.error().code != ErrorCode::kNotFound) {
      return status_of(gone);
    }
    auto made = disk_.open(path, Mode::kCreate);
    if (made) *file = std::make_unique<WritableFile>(std::move(*made), 0);
    return status_of(made);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* context) override {
    auto opened = disk_.open(path, Mode::kChange);
    if (!opened && opened.error().code == ErrorCode::kNotFound) {
      return NewWritableFile(path, options, file, context);
    }
    if (!opened) return status_of(opened);
    const auto bytes = (*opened)->size();
    if (bytes) *file = std::make_unique<WritableFile>(std::move(*opened), *bytes);
    return status_of(bytes);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    if (!disk_.is_directory(path)) return IOStatus::PathNotFound(path);
    *directory = std::make_unique<Directory>(disk_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (disk_.is_directory(path)) return IOStatus::OK();
    const auto opened = disk_.open(path, Mode::kRead);
    if (!opened && opened.error().code == ErrorCode::kNotFound) return IOStatus::NotFound(path);
    return status_of(opened);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    if (!disk_.is_directory(path)) return IOStatus::PathNotFound(path);
    auto listed = disk_.list(path);
    if (listed) *names = std::move(*listed);
    return status_of(listed);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.remove(path));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (disk_.is_directory(path)) return IOStatus::IOError(path, "is there already");
    return status_of(disk_.make_directory(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.make_directory(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.remove(path));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* bytes,
                       IODebugContext*) override {
    const auto opened = disk_.open(path, Mode::kRead);
    if (!opened) return status_of(opened);
    const auto size = (*opened)->size();
    *bytes = size ? *size : 0;
    return status_of(size);
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, std::uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return status_of(disk_.rename(from, to));
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    const std::lock_guard guard(mutex_);
    if (!locked_.insert(path).second) return IOStatus::IOError(path, "is locked");
    *lock = new Lock(path);
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> ours(static_cast<Lock*>(lock));
    const std::lock_guard guard(mutex_);
    locked_.erase(ours->path);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, std::uint64_t* bytes,
                        IODebugContext*) override {
    const auto free = disk_.free_bytes(path);
    *bytes = free ? *free : 0;
    return status_of(free);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    *is_directory = disk_.is_directory(path);
    return IOStatus::OK();
  }

 private:
  template <class File, class Base>
  IOStatus open(const std::string& path, std::unique_ptr<Base>* file) {
    auto opened = disk_.open(path, Mode::kRead);
    if (opened) *file = std::make_unique<File>(std::move(*opened));
    return status_of(opened);
  }

  FaultyFileSystem& disk_;
  std::mutex mutex_;
  std::set<std::string> locked_;
};

// Background work that failed sleeps a second before it is over: a test that fails it often would
// do nothing else.
class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  SleeplessClock() : rocksdb::SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "SleeplessClock"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class LossyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit LossyEnv(const std::shared_ptr<rocksdb::FileSystem>& files)
      : rocksdb::EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = files;
    system_clock_ = std::make_shared<SleeplessClock>();
  }
};

}  // namespace

struct LossyRocksFiles::Parts {
  explicit Parts(FaultyFileSystem& disk) : env(std::make_shared<Files>(disk)) {}
  LossyEnv env;
};

LossyRocksFiles::LossyRocksFiles(FaultyFileSystem& disk) : parts_(std::make_unique<Parts>(disk)) {}

LossyRocksFiles::~LossyRocksFiles() = default;

void* LossyRocksFiles::env() const noexcept { return &parts_->env; }

}  // namespace headrace::testing
